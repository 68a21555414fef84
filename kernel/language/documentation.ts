/**
 * The comments of a declaration. The program's declaration files are parsed without comments, which makes the start
 * faster; the file of a symbol that is hovered is parsed once more, with them.
 */
import ts from 'typescript';

const keptFiles = 16;
const documented = new Map<ts.SourceFile, ts.SourceFile>();

export function documentationOf(symbol: ts.Symbol): string {
  const seen = new Set<string>();
  for (const declaration of symbol.declarations ?? []) {
    const text = commentsOf(withComments(declaration));
    if (text) seen.add(text);
  }
  return [...seen].join('\n\n');
}

/** The same declaration in a tree that has comments. */
function withComments(declaration: ts.Declaration): ts.Node | undefined {
  const file = declaration.getSourceFile();
  if (!file.isDeclarationFile) return declaration;
  let copy = documented.get(file);
  if (!copy) {
    copy = ts.createSourceFile(file.fileName, file.text, ts.ScriptTarget.ESNext, true);
    documented.set(file, copy);
    if (documented.size > keptFiles) documented.delete(documented.keys().next().value!);
  }
  const find = (node: ts.Node): ts.Node | undefined => {
    if (node.end < declaration.end || node.pos > declaration.pos) return undefined;
    if (node.kind === declaration.kind && node.pos === declaration.pos && node.end === declaration.end)
      return node;
    return ts.forEachChild(node, find);
  };
  return find(copy);
}

function commentsOf(node: ts.Node | undefined): string {
  if (!node) return '';
  const lines: string[] = [];
  for (const item of ts.getJSDocCommentsAndTags(node)) {
    const text = ts.getTextOfJSDocComment(item.comment) ?? '';
    if (ts.isJSDoc(item)) {
      if (text) lines.push(text);
      for (const tag of item.tags ?? []) if (!isForTools(tag)) lines.push(tagLine(tag));
    } else if (!isForTools(item)) lines.push(tagLine(item));
  }
  return lines.join('\n').trim();
}

/** `@doc {heading: …}` of TensorFlow.js sorts the pages of its site. */
function isForTools(tag: ts.JSDocTag): boolean {
  return tag.tagName.text === 'doc';
}

function tagLine(tag: ts.JSDocTag): string {
  const name = ts.isJSDocParameterTag(tag) ? ` ${tag.name.getText()}` : '';
  const text = ts.getTextOfJSDocComment(tag.comment) ?? '';
  return `@${tag.tagName.text}${name}${text ? ` ${text}` : ''}`;
}
