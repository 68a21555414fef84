/**
 * The code of the bench's cells, once per language. Every cell shows a value that the bench knows beforehand, so a
 * kernel that answers fast and wrong is found out. What a language cannot be asked is said with the reason.
 */

/** No such cell in this language, and why. */
export interface Missing {
  missing: string;
}

export interface Cell {
  code: string;
  /** What the kernel must show, without colours. */
  shows: string;
}

export interface Dialect {
  /** How the tensor cells are computed, for the report. */
  tensors: string;
  trivial: Cell;
  /** Declares `vI` with its type. */
  declaring(i: number): Cell;
  tensorSetup: Cell;
  /** Declares the tensor `tI` with its type, multiplies matrices and reads a value back. */
  tensor(i: number): Cell;
  /** One of a long session: declares types, a function and values, and uses the cell before (none for 1). */
  session(i: number): Cell;
  /** Prints `line 0`, `line 1`, and so on. */
  lines(count: number): string;
  /** Prints one line of so many `x`. */
  block(size: number): string;
  /** Runs so long without blocking the thread. */
  awaiting(seconds: number): string;
  /** Runs so long in a loop that blocks the thread. */
  looping(seconds: number): string;
  /** Its completion at the end offers `completion`; needs the tensor setup. */
  completable: string;
  completion: string;
  /** A hover at its end says something about `documented`; needs the tensor setup. */
  inspectable: string;
  documented: string;
  typeError: string | Missing;
}

const typescript: Dialect = {
  tensors: '@tensorflow/tfjs-core on its CPU backend',
  trivial: { code: '1 + 1', shows: '2' },
  declaring: (i) => ({ code: `const v${i}: number = ${i} * 2; v${i}`, shows: String(2 * i) }),
  tensorSetup: {
    code: "import * as tf from '@tensorflow/tfjs-core';\nimport '@tensorflow/tfjs-backend-cpu';\nawait tf.ready();\ntf.getBackend()",
    shows: 'cpu',
  },
  tensor: (i) => ({
    code: `const t${i}: tf.Tensor2D = tf.matMul(tf.tensor2d([[${i}, 1], [2, 3]]), tf.ones([2, 2]));\ntf.sum(t${i}).dataSync()[0]`,
    shows: String(2 * i + 12),
  }),
  session: (i) => ({
    code: [
      `interface Row${i} { id: number; name: string }`,
      `function make${i}(id: number): Row${i} { return { id, name: \`row \${id}\` }; }`,
      `const rows${i}: Row${i}[] = [make${i}(1), make${i}(2)];`,
      `const total${i}: number = ${i > 1 ? `total${i - 1}` : 0} + rows${i}.length;`,
      `total${i}`,
    ].join('\n'),
    shows: String(2 * i),
  }),
  lines: (count) => `for (let i = 0; i < ${count}; i++) console.log("line " + i);`,
  block: (size) => `console.log("x".repeat(${size}));`,
  awaiting: (seconds) => `await new Promise<void>((done) => setTimeout(done, ${seconds * 1000}));`,
  looping: (seconds) => `{ const end: number = Date.now() + ${seconds * 1000}; while (Date.now() < end) {} }`,
  completable: 'tf.mat',
  completion: 'matMul',
  inspectable: 'tf.matMul',
  documented: 'matMul',
  typeError: 'const wrong: number = "text";',
};

const python: Dialect = {
  tensors: 'numpy, not tfjs',
  trivial: { code: '1 + 1', shows: '2' },
  declaring: (i) => ({ code: `v${i}: int = ${i} * 2; v${i}`, shows: String(2 * i) }),
  tensorSetup: { code: 'import numpy as np\nnp.__name__', shows: 'numpy' },
  tensor: (i) => ({
    code: `t${i}: np.ndarray = np.array([[${i}, 1], [2, 3]], dtype=np.float32) @ np.ones((2, 2), dtype=np.float32)\nint(t${i}.sum())`,
    shows: String(2 * i + 12),
  }),
  session: (i) => ({
    code: [
      `class Row${i}:`,
      '    def __init__(self, id: int): self.id = id',
      `def make${i}(id: int) -> Row${i}: return Row${i}(id)`,
      `rows${i}: list[Row${i}] = [make${i}(1), make${i}(2)]`,
      `total${i}: int = ${i > 1 ? `total${i - 1}` : 0} + len(rows${i})`,
      `total${i}`,
    ].join('\n'),
    shows: String(2 * i),
  }),
  lines: (count) => `for i in range(${count}): print(f"line {i}")`,
  block: (size) => `print("x" * ${size})`,
  awaiting: (seconds) => `import asyncio\nawait asyncio.sleep(${seconds})`,
  looping: (seconds) =>
    `import time\nend = time.monotonic() + ${seconds}\nwhile time.monotonic() < end: pass`,
  completable: 'np.mat',
  completion: 'matmul',
  inspectable: 'np.matmul',
  documented: 'matmul',
  typeError: { missing: 'Python does not check its annotations' },
};

/** @returns undefined for a language the bench has no cells in */
export function dialectOf(language: string): Dialect | undefined {
  return { typescript, python }[language.toLowerCase()];
}
