"""Reads the declarations of a parameters cell: `const steps: number = 4; // how many`.

No compiler: a tokenizer that knows comments, strings and templates, and finds top-level `const`, `let` and `var`.
"""

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<newline>\n)
    |(?P<space>[^\S\n]+)
    |(?P<word>[\w$]+)
    |(?P<sign>=>|===?|!==?|<=|>=|.)""",
    re.VERBOSE | re.DOTALL,
)
OPENING, CLOSING = "([{", ")]}"
# After these a line goes on, and before these it does.
OPEN_ENDS = tuple("+-*/%=<>&|^?:,.([{!~")
CONTINUES = tuple("+-*/%<>&|^?:,.)]}=")


@dataclass
class Token:
    kind: str
    text: str
    start: int

    @property
    def end(self):
        return self.start + len(self.text)


@dataclass
class Declaration:
    name: str
    keyword: str
    type: str
    """The annotation as it is written, or nothing."""
    default: str
    help: str = ""

    @property
    def type_name(self):
        """The type for people: the annotation, or what is plain from the default; "None" where it is not."""
        if self.type:
            return self.type
        plain = {
            "number": r"[+-]?(?:(?:\d[\d_]*)?\.?\d[\d_]*(?:e[+-]?\d+)?|\d+\.|0[xob][\da-f_]+|Infinity|NaN)",
            "bigint": r"-?\d[\d_]*n",
            "boolean": r"true|false",
            "string": r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`$]*`",
            "null": r"null",
        }
        return next(
            (name for name, form in plain.items() if re.fullmatch(form, self.default, re.IGNORECASE | re.DOTALL)), "None"
        )

    @property
    def wants_bigint(self):
        words = re.findall(r"[\w$]+", self.type)
        return ("bigint" in words and "number" not in words) or self.type_name == "bigint"


def read_declarations(source):
    """The declarations in order; what is no plain declaration of a name is passed over."""
    tokens = [token for token in tokenize(source) if token.kind != "space"]
    declarations = []
    depth = 0
    begins = True
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if depth == 0 and begins and token.text in ("const", "let", "var"):
            found, index = read_list(source, tokens, index)
            declarations += found
            begins = True
            continue
        if token.text in OPENING:
            depth += 1
        elif token.text in CLOSING:
            depth -= 1
        begins = token.kind in ("newline", "comment") and begins or token.kind == "newline" or token.text in (";", "export")
        index += 1
    return declarations


def tokenize(source):
    at = 0
    while at < len(source):
        if source[at] == "`":
            end = template_end(source, at)
            yield Token("string", source[at:end], at)
            at = end
            continue
        match = TOKEN.match(source, at)
        yield Token(match.lastgroup, match[0], at)
        at = match.end()


def template_end(source, start):
    """The position after a template literal, whose `${}` may hold strings and templates."""
    at = start + 1
    while at < len(source):
        if source[at] == "\\":
            at += 2
        elif source[at] == "`":
            return at + 1
        elif source.startswith("${", at):
            depth = 0
            for token in tokenize(source[at + 1 :]):
                depth += (token.text == "{") - (token.text == "}")
                if depth == 0:
                    at += 1 + token.end
                    break
            else:
                return len(source)
        else:
            at += 1
    return len(source)


def read_list(source, tokens, start):
    """The declarations of one statement, and the index of the token after it."""
    keyword = tokens[start].text
    above = comment_above(tokens, start)
    declarations = []
    index = start + 1
    while True:
        index = skip(tokens, index)
        if index >= len(tokens) or tokens[index].kind != "word":
            # Destructuring declares no parameter.
            _, index = read_until(source, tokens, index, ";")
            break
        name = tokens[index].text
        index += 1
        annotation = default = ""
        if text_at(tokens, index) == ":":
            annotation, index = read_until(source, tokens, index + 1, "=,;", types=True)
        if text_at(tokens, index) == "=":
            default, index = read_until(source, tokens, index + 1, ",;")
        declarations.append(Declaration(name, keyword, annotation, default))
        if text_at(tokens, index) != ",":
            break
        index += 1
    if text_at(tokens, index) == ";":
        index += 1
    beside = tokens[index].text if index < len(tokens) and tokens[index].kind == "comment" else ""
    for one in declarations:
        one.help = comment_text(beside) or above
    return declarations, index


def read_until(source, tokens, start, stops, types=False):
    """The source up to one of `stops` outside all brackets, or up to the end of the statement; and the index there."""
    depth = 0
    last = None
    index = start
    while index < len(tokens):
        token = tokens[index]
        if token.kind in ("newline", "comment"):
            goes_on = last is None or last.text in OPEN_ENDS
            after = skip(tokens, index)
            if depth == 0 and not goes_on and not (text_at(tokens, after) or ";").startswith(CONTINUES):
                break
            if depth == 0 and token.kind == "comment" and not goes_on:
                break
            index += 1
            continue
        if depth == 0 and token.text in tuple(stops):
            break
        if token.text in OPENING or (types and token.text == "<"):
            depth += 1
        elif token.text in CLOSING or (types and token.text == ">"):
            depth -= 1
        last = token
        index += 1
    text = source[tokens[start].start : last.end] if last else ""
    return text.strip(), index


def skip(tokens, index):
    """The next token that is neither a line break nor a comment."""
    while index < len(tokens) and tokens[index].kind in ("newline", "comment"):
        index += 1
    return index


def text_at(tokens, index):
    return tokens[index].text if index < len(tokens) else None


def comment_above(tokens, index):
    """The comments on the lines right above a statement."""
    lines = []
    index -= 2 if index >= 1 and tokens[index - 1].text == "export" else 1
    while index >= 1 and tokens[index].kind == "newline" and tokens[index - 1].kind == "comment":
        # A comment that stands beside code belongs to that.
        if index >= 2 and tokens[index - 2].kind != "newline":
            break
        lines.insert(0, comment_text(tokens[index - 1].text))
        index -= 2
    return " ".join(line for line in lines if line)


def comment_text(comment):
    inner = comment[2:] if comment.startswith("//") else re.sub(r"^/\*+|\*/$", "", comment)
    return " ".join(re.sub(r"^[\s*/]+", "", line).strip() for line in inner.splitlines()).strip()
