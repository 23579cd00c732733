"""The published update rules, in float64 and in plain NumPy, one parameter at a time.

Written from the papers (with Keras's place of epsilon), in another form than the package's rules:
means are corrected where the papers correct them, and nothing is scaled.
"""

import numpy as np


def sgd(g, t, s, rate, momentum=0.0, nesterov=False):
    """Sutskever et al., 2013, equations 1 to 4."""
    s["v"] = momentum * s.get("v", 0.0) - rate * g
    return momentum * s["v"] - rate * g if nesterov else s["v"]


def rmsprop(g, t, s, rate, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    """Hinton, 2012, lecture 6e; Graves, 2013, equations 38 to 42, for the others."""
    s["n"] = rho * s.get("n", 0.0) + (1 - rho) * g**2
    s["g"] = rho * s.get("g", 0.0) + (1 - rho) * g
    root = np.sqrt(s["n"] - (s["g"] ** 2 if centered else 0) + epsilon)
    s["d"] = momentum * s.get("d", 0.0) - rate * g / root
    return s["d"]


def adagrad(g, t, s, rate, initial_accumulator_value=0.1, epsilon=1e-7):
    """Duchi et al., 2011, with a diagonal matrix."""
    s["G"] = s.get("G", initial_accumulator_value) + g**2
    return -rate * g / np.sqrt(s["G"] + epsilon)


def adam(g, t, s, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False):
    """Kingma and Ba, 2015, section 2, the reordered form; Reddi et al., 2018, algorithm 2."""
    s["m"] = beta_1 * s.get("m", 0.0) + (1 - beta_1) * g
    s["v"] = beta_2 * s.get("v", 0.0) + (1 - beta_2) * g**2
    s["top"] = np.maximum(s.get("top", 0.0), s["v"]) if amsgrad else s["v"]
    a = rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return -a * s["m"] / (np.sqrt(s["top"]) + epsilon)


def nadam(g, t, s, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Dozat, 2016, algorithm 2, with its schedule of momentum, μ_t = β₁ (1 - 0.96^t / 2)."""
    mu = [beta_1 * (1 - 0.5 * 0.96**i) for i in range(1, t + 2)]
    s["m"] = beta_1 * s.get("m", 0.0) + (1 - beta_1) * g
    s["n"] = beta_2 * s.get("n", 0.0) + (1 - beta_2) * g**2
    of_mean = mu[t] * s["m"] / (1 - np.prod(mu))
    m_hat = of_mean + (1 - mu[t - 1]) * g / (1 - np.prod(mu[:t]))
    return -rate * m_hat / (np.sqrt(s["n"] / (1 - beta_2**t)) + epsilon)


def lion(g, t, s, rate, beta_1=0.9, beta_2=0.99):
    """Chen et al., 2023, algorithm 2."""
    m = s.get("m", 0.0)
    s["m"] = beta_2 * m + (1 - beta_2) * g
    return -rate * np.sign(beta_1 * m + (1 - beta_1) * g)


RULES = {
    "SGD": sgd,
    "RMSprop": rmsprop,
    "Adagrad": adagrad,
    "Adam": adam,
    "AdamW": adam,
    "Nadam": nadam,
    "Lion": lion,
}


class Published:
    """A whole optimizer: clipping, weight decay, rule, averages."""

    def __init__(self, kind, learning_rate, decaying=lambda name: True, **settings):
        self.rule, self.rate, self.decaying = RULES[kind], learning_rate, decaying
        names = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm")
        self.base = {name: settings.pop(name, None) for name in names}
        if kind == "AdamW" and self.base["weight_decay"] is None:
            self.base["weight_decay"] = 0.004
        self.ema = settings.pop("use_ema", False)
        self.ema_momentum = settings.pop("ema_momentum", 0.99)
        self.frequency = settings.pop("ema_overwrite_frequency", None)
        self.settings = settings
        self.reset()

    def reset(self):
        self.iterations, self.steps, self.states, self.averages = 0, {}, {}, {}

    def clipped(self, gradients):
        value, norm = self.base["clipvalue"], self.base["clipnorm"]
        if value is not None:
            return {name: np.clip(g, -value, value) for name, g in gradients.items()}
        if norm is not None:
            return {n: g * min(1, norm / np.linalg.norm(g)) for n, g in gradients.items()}
        if self.base["global_clipnorm"] is not None:
            norm = np.sqrt(sum(np.sum(g**2) for g in gradients.values()))
            return {
                n: g * min(1, self.base["global_clipnorm"] / norm) for n, g in gradients.items()
            }
        return gradients

    def step(self, data, gradients):
        """Return new data, by name, after a step of those that have a gradient."""
        new, rate = dict(data), self.rate
        if callable(rate):
            rate = rate(self.iterations)
        for name, g in self.clipped(gradients).items():
            t = self.steps[name] = self.steps.get(name, 0) + 1
            p = data[name]
            if self.base["weight_decay"] is not None and self.decaying(name):
                p = p - rate * self.base["weight_decay"] * p
            p = p + self.rule(g, t, self.states.setdefault(name, {}), rate, **self.settings)
            if self.ema:
                keep = self.ema_momentum if t > 1 else 0.0
                self.averages[name] = keep * self.averages.get(name, 0.0) + (1 - keep) * p
                if self.frequency and (self.iterations + 1) % self.frequency == 0:
                    p = self.averages[name]
            new[name] = p
        self.iterations += 1
        return new
