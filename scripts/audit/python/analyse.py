"""Reads the code cells of a Python notebook with Python's own parser, for `kernelbook audit`.

Standard input: a JSON list of sources. Standard output: a JSON list, for each source the names it reads and writes, its
checks, what might be wrong in it as changes of its text, and the messages it raises; or why it is not understood.
Positions count Unicode code points.
"""

import ast
import json
import re
import sys

SWAPS = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*")}
CALLS = {"add": "subtract", "subtract": "add", "multiply": "divide", "divide": "multiply"}
SIDES = {ast.Lt: ("<", "<=", ">"), ast.LtE: ("<=", "<", ">="), ast.Gt: (">", ">=", "<"), ast.GtE: (">=", ">", "<=")}
EPSILON = re.compile(r"^(?:eps|epsilon|tiny)$", re.I)
CHECKS = re.compile(r"(?:^|\.)(?:assert_\w+|assert[A-Z]\w*)$")
SHOWS = re.compile(r"^(?:print|display|plt|warnings|logging)\b")
NOT_NUMBERS = re.compile(r"(?:^(?:str|repr|open|len|range|enumerate|zip|sorted|dict|set|isinstance|type|format)$|\.(?:join|split|format|keys|items|strip)$)")


class Source:
    """Offsets of nodes: the parser counts lines and UTF-8 bytes."""

    def __init__(self, text):
        self.text = text
        self.lines = text.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))

    def offset(self, line, column):
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def place(self, node):
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def of(self, node):
        start, end = self.place(node)
        return self.text[start:end]

    def short(self, node):
        text = " ".join(self.of(node).split())
        return text if len(text) <= 60 else text[:57] + "…"


def names_of(tree):
    """Free and written names, by the scopes that Python itself makes of them."""
    import symtable

    text = ast.unparse(tree)
    table = symtable.symtable(text, "cell", "exec")
    writes = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    reads = {s.get_name() for s in table.get_symbols() if s.is_referenced()}

    def inside(scope):
        for child in scope.get_children():
            for symbol in child.get_symbols():
                if symbol.is_global():
                    reads.add(symbol.get_name())
                    if symbol.is_declared_global() and symbol.is_assigned():
                        writes.add(symbol.get_name())
            inside(child)

    inside(table)
    own = set(writes)
    for node in tree.body:
        target = node.value if isinstance(node, ast.Expr) else None
        for one in [node.target] if isinstance(node, ast.AugAssign) else node.targets if isinstance(node, ast.Assign) else []:
            base = root(one)
            if base and not isinstance(one, ast.Name):
                writes.add(base)
                reads.add(base)
            if isinstance(node, ast.AugAssign) and base:
                reads.add(base)
                own.discard(base)
        if isinstance(target, ast.Call) and isinstance(target.func, ast.Attribute):
            base = root(target.func)
            callee = ast.unparse(target.func)
            if base and not SHOWS.search(callee) and not CHECKS.search(callee):
                writes.add(base if base in reads and base.islower() and base not in own else "#world")
    earlier = first_reads(tree, own)
    return sorted((reads - own) | earlier | {"#world"}), sorted(writes)


def first_reads(tree, own):
    """Names that a statement reads before one of this cell gives them: `x = f(x)`."""
    given, found = set(), set()
    for node in tree.body:
        loads = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        found |= {name for name in loads if name in own and name not in given and not isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        given |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            given.add(node.name)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            given |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    loops = {n.id for f in ast.walk(tree) if isinstance(f, (ast.For, ast.comprehension)) for n in ast.walk(f.target) if isinstance(n, ast.Name)}
    return found - loops


def root(node):
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


class Reader(ast.NodeVisitor):
    def __init__(self, source):
        self.source = source
        self.mutations, self.checks, self.thrown = [], [], []

    def add(self, kind, start, end, replacement, description):
        self.mutations.append({"kind": kind, "start": start, "end": end, "replacement": replacement, "description": description})

    def replace(self, kind, node, replacement, description):
        self.add(kind, *self.source.place(node), replacement, description)

    def argument(self, node):
        start, end = self.source.place(node)
        same = ast.unparse(node)
        constants = [
            {"text": self.source.of(n), "start": self.source.place(n)[0]}
            for n in ast.walk(node)
            if isinstance(n, ast.Constant) and isinstance(n.value, (int, float)) and not isinstance(n.value, bool)
        ]
        return {"start": start, "end": end, "text": self.source.of(node), "same": same, "samePath": same, "constants": constants}

    def check(self, node, sides):
        start, end = self.source.place(node)
        self.checks.append({"kind": "assert", "start": start, "end": end, "args": [self.argument(one) for one in sides]})

    def visit_Assert(self, node):
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], (ast.Eq, ast.LtE, ast.GtE, ast.Is)):
            self.check(node, [test.left, test.comparators[0]])
        elif isinstance(test, ast.Call) and re.search(r"(?:allclose|array_equal|isclose|equal)$", ast.unparse(test.func)):
            self.check(node, test.args)
        else:
            self.check(node, [test])

    def visit_Raise(self, node):
        self.thrown += [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]

    def visit_JoinedStr(self, node):
        pass

    def visit_Call(self, node):
        callee = ast.unparse(node.func)
        if CHECKS.search(callee):
            self.check(node, node.args)
            return
        if SHOWS.search(callee):
            return
        name = callee.split(".")[-1]
        if name in CALLS and isinstance(node.func, ast.Attribute):
            _, end = self.source.place(node.func)
            self.add("sign", end - len(name), end, CALLS[name], f"`{self.source.short(node)}`: {name} → {CALLS[name]}")
        if name in ("matmul", "mm", "bmm") and len(node.args) == 2:
            start, (_, end) = self.source.place(node.args[0])[0], self.source.place(node.args[1])
            swapped = f"{self.source.of(node.args[1])}, {self.source.of(node.args[0])}"
            self.add("transposition", start, end, swapped, f"`{self.source.short(node)}`: ({swapped})")
        if name in ("transpose", "swapaxes", "t") and isinstance(node.func, ast.Attribute) and not SHOWS.search(callee):
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "torch", "jnp")):
                subject = self.source.of(node.func.value)
                self.replace("transposition", node, subject, f"`{self.source.short(node)}` → `{subject}`")
        for word in node.keywords:
            self.epsilon(word.arg or "", word.value)
            if isinstance(word.value, ast.Constant) and isinstance(word.value.value, bool):
                other = str(not word.value.value)
                self.replace("mask side", word.value, other, f"{word.arg}={word.value.value} → {other}")
        self.generic_visit(node)

    def epsilon(self, name, value):
        if EPSILON.match(name) and isinstance(value, ast.Constant) and isinstance(value.value, (int, float)) and value.value:
            self.replace("epsilon", value, "0.0", f"{name} = {self.source.of(value)} → 0")
            self.replace("epsilon", value, f"(10 * {self.source.of(value)})", f"{name} = {self.source.of(value)} → ten times it")

    def operator(self, left, right, text):
        """Between two operands: the text may hold blanks, parentheses, comments."""
        start, end = self.source.place(left)[1], self.source.place(right)[0]
        at = self.source.text.find(text, start, end)
        return (at, at + len(text)) if at >= 0 else None

    def visit_BinOp(self, node):
        swap = SWAPS.get(type(node.op))
        texts = any(isinstance(n, ast.JoinedStr) or isinstance(n, ast.Constant) and isinstance(n.value, str) for n in (node.left, node.right))
        if swap and not texts:
            place = self.operator(node.left, node.right, swap[0])
            if place:
                self.add("sign", *place, swap[1], f"`{self.source.short(node)}`: {swap[0]} → {swap[1]}")
        if isinstance(node.op, ast.MatMult):
            swapped = f"({self.source.of(node.right)}) @ ({self.source.of(node.left)})"
            self.replace("transposition", node, swapped, f"`{self.source.short(node)}` → `{swapped}`")
        right = node.right
        small = isinstance(right, ast.Constant) and isinstance(right.value, float) and 0 < right.value <= 1e-3
        if isinstance(node.op, ast.Add) and (small or isinstance(right, ast.Name) and EPSILON.match(right.id)):
            text = self.source.short(node)
            self.add("epsilon", self.source.place(node.left)[1], self.source.place(right)[1], "", f"`{text}`: without {self.source.of(right)}")
            self.replace("epsilon", right, f"10 * {self.source.of(right)}", f"`{text}`: ten times {self.source.of(right)}")
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
            self.replace("sign", node, self.source.of(node.operand), f"`{self.source.short(node)}` → `{self.source.short(node.operand)}`")
        self.generic_visit(node)

    def visit_Compare(self, node):
        side = SIDES.get(type(node.ops[0]))
        if side and len(node.ops) == 1:
            place = self.operator(node.left, node.comparators[0], side[0])
            for other in side[1:] if place else ():
                self.add("mask side", *place, other, f"`{self.source.short(node)}`: {side[0]} → {other}")
        self.generic_visit(node)

    def visit_Subscript(self, node):
        if isinstance(node.slice, (ast.Name, ast.BinOp)) and isinstance(node.ctx, ast.Load):
            text = self.source.of(node.slice)
            for by in ("+ 1", "- 1"):
                self.replace("index", node.slice, f"({text}) {by}", f"`{self.source.short(node)}`: [{text} {by}]")
        self.generic_visit(node)

    def visit_Attribute(self, node):
        if node.attr in ("T", "mT"):
            subject = self.source.of(node.value)
            self.replace("transposition", node, subject, f"`{self.source.short(node)}` → `{subject}`")
        self.generic_visit(node)

    def value(self, node):
        if isinstance(node, ast.Call):
            callee = ast.unparse(node.func)
            if NOT_NUMBERS.search(callee) or SHOWS.search(callee) or CHECKS.search(callee):
                return
        elif not (isinstance(node, ast.BinOp) and isinstance(node.op, (*SWAPS, ast.Pow, ast.MatMult))):
            return
        text = self.source.of(node)
        self.replace("scale", node, f"_kernelbook_audit_scaled({text})", f"`{self.source.short(node)}` × 1.001")
        self.replace("half precision", node, f"_kernelbook_audit_half({text})", f"`{self.source.short(node)}` in half precision")

    def visit_Return(self, node):
        if node.value:
            self.value(node.value)
        self.generic_visit(node)

    def visit_Assign(self, node):
        self.value(node.value)
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self.epsilon(node.targets[0].id, node.value)
        self.generic_visit(node)

    def visit_AugAssign(self, node):
        self.value(node.value)
        self.generic_visit(node)

    def visit_Lambda(self, node):
        self.value(node.body)
        self.generic_visit(node)

    def visit_arguments(self, node):
        named = node.posonlyargs + node.args
        for argument, default in list(zip(named[len(named) - len(node.defaults):], node.defaults)) + list(zip(node.kwonlyargs, node.kw_defaults)):
            if default is not None:
                self.epsilon(argument.arg, default)
        self.generic_visit(node)

    def visit_Import(self, node):
        pass

    visit_ImportFrom = visit_Import


def analyse(text):
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        return {"fault": f"Python's parser does not understand it: {error.msg} (line {error.lineno})"}
    reads, writes = names_of(tree)
    reader = Reader(Source(text))
    reader.visit(tree)
    return {"reads": reads, "writes": writes, "checks": reader.checks, "mutations": reader.mutations, "thrown": reader.thrown}


if __name__ == "__main__":
    json.dump([analyse(text) for text in json.load(sys.stdin)], sys.stdout)
