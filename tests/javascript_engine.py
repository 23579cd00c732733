"""An engine for JavaScript beside Python: node where there is one, else QuickJS."""

import json
import shutil
import subprocess

import numpy as np
import quickjs

# Typed arrays become lists on the way back, and numbers that JSON has no words for strings.
ENCODE = """
const plain = (key, x) => ArrayBuffer.isView(x) ? Array.from(x)
  : Object.is(x, -0) ? "-0" : typeof x === "number" && !Number.isFinite(x) ? String(x) : x;
"""
SERVER = (
    ENCODE
    + """
const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", (line) => {
  let answer;
  try { answer = { value: new Function(JSON.parse(line))() }; }
  catch (error) { answer = { error: `${error.name}: ${error.message}` }; }
  process.stdout.write(JSON.stringify(answer, plain) + "\\n");
});
"""
)


class Engine:
    """Runs bodies of functions, and returns what they return."""

    def __init__(self):
        self.node = None
        if node := shutil.which("node"):
            pipe = subprocess.PIPE
            self.node = subprocess.Popen([node, "-e", SERVER], stdin=pipe, stdout=pipe, text=True)

    def evaluate(self, body):
        """The value of a function's body; a list for each array."""
        if self.node is None:
            text = f"{ENCODE}JSON.stringify((() => {{ {body} }})(), plain)"
            return json.loads(quickjs.Context().eval(text))
        self.node.stdin.write(json.dumps(body) + "\n")
        self.node.stdin.flush()
        answer = json.loads(self.node.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def run(self, program, inputs):
        """What a captured function's program returns, by name."""
        return self.evaluate(called(program, inputs))

    def close(self):
        if self.node is not None:
            self.node.stdin.close()
            self.node.wait(10)
            self.node.stdout.close()


def called(program, inputs):
    """A captured function's program and a call of it, as the body of a function."""
    arguments = ", ".join(f"{name}: {written(x)}" for name, x in inputs.items())
    name = program.program.recording.name
    return f"{program.javascript}\nreturn {name}({{ {arguments} }});"


def written(x):
    """A number or an array as JavaScript, an array as lists in lists."""
    return json.dumps(np.asarray(x).tolist())


def array(found, shape):
    """What has come back, as an array."""
    return np.array(found, float).reshape(shape)
