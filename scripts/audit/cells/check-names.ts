/** How checks are called: ours, and the assertions of Node. */
const own = new Set(['verify', 'refute', 'verifyEqual', 'verifyRelation', 'expectThrows']);

/** @param callee the text of what is called: `verify`, `assert.equal` */
export function checkKind(callee: string): string | undefined {
  if (own.has(callee)) return callee;
  return /^(?:assert|console\.assert)(?:\.\w+)*$/.test(callee) ? 'assert' : undefined;
}
