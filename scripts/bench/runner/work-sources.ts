/** Small notebooks as people write them for tslab and for Python, a list of cells each. They check their own results. */

export const tslabWork: readonly (readonly string[])[] = [
  [
    "import * as tslab from 'tslab';\nimport { createHash } from 'node:crypto';",
    "const text = 'the cat sat on the mat and the dog sat on the log '.repeat(2000);\nconst counts = new Map<string, number>();\nfor (const word of text.trim().split(' ')) counts.set(word, (counts.get(word) ?? 0) + 1);\ncounts",
    "const top = [...counts].sort(([, a], [, b]) => b - a).slice(0, 3);\nconst rows = top.map(([word, n]) => '<tr><td>' + word + '</td><td>' + n + '</td></tr>');\ntslab.display.html('<table>' + rows.join('') + '</table>');",
    "let digest = text;\nfor (let i = 0; i < 300; i++) digest = createHash('sha256').update(digest).digest('hex');\ndigest.length",
    "if (counts.get('the') !== 8000) throw new Error('counted ' + counts.get('the'));",
  ],
  [
    "import * as tslab from 'tslab';",
    'function sieve(limit: number): number[] {\n  const composite = new Uint8Array(limit + 1);\n  const primes: number[] = [];\n  for (let n = 2; n <= limit; n++) {\n    if (composite[n]) continue;\n    primes.push(n);\n    for (let m = n * n; m <= limit; m += n) composite[m] = 1;\n  }\n  return primes;\n}',
    'const primes = sieve(2_000_000);\nprimes.length',
    'const gaps = primes.slice(1).map((prime, i) => prime - primes[i]!);\nconst widest = gaps.reduce((a, b) => Math.max(a, b), 0);\ntslab.display.text("widest gap " + widest);',
    'const later = await new Promise<number>((resolve) => setTimeout(() => resolve(primes.length), 50));\nif (later !== 148_933) throw new Error("found " + later);',
  ],
];

export const pythonWork: readonly (readonly string[])[] = [
  [
    'import json, re\nfrom collections import Counter',
    "text = 'It was the best of times, it was the worst of times. ' * 5000",
    "words = Counter(re.findall(r'[a-z]+', text.lower()))\nprint(json.dumps(words.most_common(3)))",
    "assert words['times'] == 10_000",
  ],
  [
    'def solve(n, row=0, columns=0, left=0, right=0):\n    if row == n:\n        return 1\n    free, count = ~(columns | left | right) & ((1 << n) - 1), 0\n    while free:\n        bit = free & -free\n        free ^= bit\n        count += solve(n, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1)\n    return count',
    'counts = [solve(n) for n in range(1, 9)]\ncounts',
    "from IPython.display import HTML\nHTML('<ul>' + ''.join(f'<li>{count}</li>' for count in counts) + '</ul>')",
    'assert counts[-1] == 92',
  ],
];
