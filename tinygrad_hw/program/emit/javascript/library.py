"""Library: the functions that JavaScript lacks, copied into the programs that call them."""

from __future__ import annotations

HELPERS = {
    "erfc": """function erfc(x) {
  // Twice the tail of the bell curve: a series of positive terms, or a continued fraction.
  const z = Math.abs(x);
  let tail;
  if (z < 2.5) {
    let term = z, sum = z;
    for (let n = 1; n < 100; n++) { term *= 2 * z * z / (2 * n + 1); sum += term; }
    tail = 1 - 2 / Math.sqrt(Math.PI) * Math.exp(-z * z) * sum;
  } else {
    let fraction = z;
    for (let n = 120; n > 0; n--) { fraction = z + n / 2 / fraction; }
    tail = Math.exp(-z * z) / Math.sqrt(Math.PI) / fraction;
  }
  return x < 0 ? 2 - tail : tail;
}
""",
    "mod": """function mod(x, y) {
  const remainder = x % y;
  return remainder !== 0 && (remainder < 0) !== (y < 0) ? remainder + y : remainder;
}
""",
    "rint": """function rint(x) {
  const rounded = Math.round(x); // half a unit goes up here, in NumPy to the even number
  return Math.abs(x % 1) === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}
""",
    "sign": "function sign(x) { return x > 0 ? 1 : x < 0 ? -1 : x === 0 ? 0 : x; }\n",
    "logaddexp": """function logaddexp(x, y) {
  if (x === y) { return x + Math.LN2; } // infinities too
  return Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)));
}
""",
    "times": "function times(x, y) { return x === 0 || y === 0 ? 0 : x * y; } // 0 · inf is 0\n",
    "given": """function given(x, name, shape, Kind) {
  // A flat typed array or list, row by row, or lists in lists; shape says how many numbers.
  const wanted = `${name}: expected ${shape.join(" × ")} numbers`;
  if (!ArrayBuffer.isView(x) && !Array.isArray(x)) { throw new TypeError(`${wanted}, got ${x}`); }
  if (typeof x[0] === "object") {
    const flat = [];
    const add = (part, axis) => {
      if (typeof part === "object" ? part.length !== shape[axis] : axis !== shape.length) {
        throw new TypeError(`${wanted}, got lists of another shape`);
      }
      if (axis === shape.length) { flat.push(part); return; }
      part.forEach((inner) => add(inner, axis + 1));
    };
    add(x, 0);
    x = flat;
  }
  const size = shape.reduce((a, b) => a * b, 1);
  if (x.length !== size) { throw new TypeError(`${wanted}, got ${x.length}`); }
  return x instanceof Kind ? x : Kind.from(x, Number);
}
""",
    "at": """function at(index, size) {
  if (!(index >= -size && index < size)) {
    throw new RangeError(`index ${index} is out of bounds for an axis of ${size}`);
  }
  return index < 0 ? index + size : index;
}
""",
    "matmul": """function matmul(a, a0, ai, ak, b, b0, bk, bj, out, o0, oi, oj, m, k, n) {
  // out[i, j] = sum of a[i, k] * b[k, j]. Blocks of 4 rows and 4 columns lie side by side in p and
  // q, whichever way a and b are stored, and their 16 sums stay in registers.
  const rows = m + 3 >> 2, p = new Float64Array(4 * rows * k), q = new Float64Array(4 * k);
  for (let i = 0; i < m; i++) {
    const start = (i >> 2) * 4 * k + (i & 3);
    for (let l = 0; l < k; l++) { p[start + 4 * l] = a[a0 + i * ai + l * ak]; }
  }
  const block = new Float64Array(16);
  for (let j = 0; j < n; j += 4) {
    const columns = Math.min(4, n - j);
    for (let c = 0; c < columns; c++) {
      for (let l = 0; l < k; l++) { q[4 * l + c] = b[b0 + l * bk + (j + c) * bj]; }
    }
    for (let i = 0; i < m; i += 4) {
      panel(p, i * k, q, 4 * k, block);
      for (let r = Math.min(4, m - i) - 1; r >= 0; r--) {
        const start = o0 + (i + r) * oi + j * oj;
        for (let c = 0; c < columns; c++) { out[start + c * oj] = block[4 * r + c]; }
      }
    }
  }
}
function panel(p, start, q, size, block) {
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
  let t0 = 0, t1 = 0, t2 = 0, t3 = 0, t4 = 0, t5 = 0, t6 = 0, t7 = 0;
  for (let l = 0; l < size; l += 4) {
    const x0 = p[start + l], x1 = p[start + l + 1], x2 = p[start + l + 2], x3 = p[start + l + 3];
    const y0 = q[l], y1 = q[l + 1], y2 = q[l + 2], y3 = q[l + 3];
    s0 += x0 * y0; s1 += x0 * y1; s2 += x0 * y2; s3 += x0 * y3;
    s4 += x1 * y0; s5 += x1 * y1; s6 += x1 * y2; s7 += x1 * y3;
    t0 += x2 * y0; t1 += x2 * y1; t2 += x2 * y2; t3 += x2 * y3;
    t4 += x3 * y0; t5 += x3 * y1; t6 += x3 * y2; t7 += x3 * y3;
  }
  block[0] = s0; block[1] = s1; block[2] = s2; block[3] = s3;
  block[4] = s4; block[5] = s5; block[6] = s6; block[7] = s7;
  block[8] = t0; block[9] = t1; block[10] = t2; block[11] = t3;
  block[12] = t4; block[13] = t5; block[14] = t6; block[15] = t7;
}
""",
    "mend": """function mend(a, a0, ai, ak, b, b0, bk, bj, out, o0, oi, oj, m, k, n) {
  // 0 · inf is 0 in the chain rule: a sum that is not finite, but all of whose products are.
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      if (Number.isFinite(out[o0 + i * oi + j * oj])) { continue; }
      let sum = 0, finite = true;
      for (let l = 0; finite && l < k; l++) {
        const x = a[a0 + i * ai + l * ak], y = b[b0 + l * bk + j * bj];
        if (x === 0 || y === 0) { continue; }
        finite = Number.isFinite(x) && Number.isFinite(y);
        sum += x * y;
      }
      if (finite) { out[o0 + i * oi + j * oj] = sum; }
    }
  }
}
""",
}
