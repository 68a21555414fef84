"""Values as TypeScript, bit for bit, and declarations that type-check where the notebook declared the type."""

import json
import math
import re
from contextvars import ContextVar

from papermill.exceptions import PapermillException
from papermill.models import Parameter
from papermill.translators import Translator

from .declarations import read_declarations

# The source of the `parameters` cell of the notebook that is being parameterised, where it is known.
declarations_of_run = ContextVar("declarations_of_run", default=None)

LARGEST_SAFE = 2**53 - 1
# JSON leaves these bare: two end a line in older JavaScript, the others cannot be seen or are halves of characters.
UNSEEN = re.compile("[\u007f-\u009f\u2028\u2029\ufeff\ud800-\udfff]")
NAME = re.compile(r"(?:[^\W\d]|\$)[\w$]*")
# No declaration can have these names, in a module least of all.
RESERVED = frozenset(
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends false "
    "finally for function if implements import in instanceof interface let new null package private protected public "
    "return static super switch this throw true try typeof var void while with yield".split()
)


class TypeScriptTranslator(Translator):
    """For TypeScript and JavaScript kernels."""

    @classmethod
    def translate_str(cls, val):
        return UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(val, ensure_ascii=False))

    @classmethod
    def translate_escaped_str(cls, str_val):
        """Papermill's last resort, for dates of YAML for instance."""
        text = str_val.isoformat() if hasattr(str_val, "isoformat") else str(str_val)
        return cls.translate_str(text)

    @classmethod
    def translate_none(cls, val):
        return "null"

    @classmethod
    def translate_int(cls, val):
        # A number cannot hold it: where the notebook declares one, its type check says so instead of rounding.
        return f"{int(val)}n" if abs(val) > LARGEST_SAFE else str(int(val))

    @classmethod
    def translate_float(cls, val):
        if math.isfinite(val):
            return repr(float(val))
        return "NaN" if math.isnan(val) else "Infinity" if val > 0 else "-Infinity"

    @classmethod
    def translate_list(cls, val):
        return f"[{', '.join(cls.translate(item) for item in val)}]"

    @classmethod
    def translate_dict(cls, val):
        entries = [f"{cls.translate_key(key)}: {cls.translate(item)}" for key, item in val.items()]
        return f"{{ {', '.join(entries)} }}" if entries else "{}"

    @classmethod
    def translate_key(cls, key):
        """Keys are strings; those of YAML that are not become what JSON makes of them."""
        name = key if isinstance(key, str) else json.dumps(key) if isinstance(key, (bool, int, float, type(None))) else str(key)
        if name == "__proto__":
            return '["__proto__"]'  # Plain, it would set the prototype.
        return name if re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", name) else cls.translate_str(name)

    @classmethod
    def translate(cls, val):
        # NumPy's scalars and arrays, without importing it.
        if hasattr(val, "tolist"):
            val = val.tolist()
        return super().translate(list(val) if isinstance(val, tuple) else val)

    @classmethod
    def comment(cls, cmt_str):
        return f"// {cmt_str}".strip()

    @classmethod
    def codify(cls, parameters, comment="Parameters"):
        declared = {one.name: one for one in read_declarations(declarations_of_run.get() or "")}
        lines = [cls.comment(line) for line in str(comment).splitlines()]
        for name, val in parameters.items():
            if not NAME.fullmatch(name) or name in RESERVED:
                raise PapermillException(f"{name!r} cannot be the name of a parameter: TypeScript has no such variables.")
            one = declared.get(name)
            translator = BigIntTranslator if one and one.wants_bigint else cls
            head = f"{one.keyword} {name}{f': {one.type}' if one.type else ''}" if one else f"let {name}"
            lines.append(f"{head} = {translator.translate(val)};")
        return "\n".join(lines) + "\n"

    @classmethod
    def inspect(cls, parameters_cell):
        return [
            Parameter(name=one.name, inferred_type_name=one.type_name, default=one.default, help=one.help)
            for one in read_declarations(parameters_cell["source"])
        ]


class BigIntTranslator(TypeScriptTranslator):
    """For a declaration that takes bigint and no number: every whole number is one."""

    @classmethod
    def translate_int(cls, val):
        return f"{int(val)}n"
