"""The kernel under jupyter_kernel_test; started by kernel-test.test.ts with the kernelspec on JUPYTER_PATH."""
import unittest

import jupyter_kernel_test as jkt


class KernelbookTests(jkt.KernelTests):
    kernel_name = "kernelbook"
    language_name = "typescript"
    file_extension = ".ts"

    code_hello_world = "console.log('hello, world')"
    code_stderr = "console.error('to stderr')"
    code_generate_error = "throw new Error('generated')"

    completion_samples = [
        {"text": "Math.tan", "matches": {"tan", "tanh"}},
        {"text": "console.gro"},
        {"text": "'\U0001f600'; Math.cbr", "matches": {"cbrt"}},
    ]
    complete_code_samples = ["1", "const a = 1", "function f(x: number) {\n  return x\n}", "`a\nb`"]
    incomplete_code_samples = ["function f() {", "const s = `a", "if (true) {", "f(1,", "/* open"]
    invalid_code_samples = ["const = 1", "let 1x = 2", ")"]

    code_inspect_sample = "Math.max"
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": "'a'.repeat(3)", "result": "'aaa'"},
        {"code": "const total: number = [1, 2, 3].reduce((a, b) => a + b); total", "result": "6"},
        {"code": "await Promise.resolve(5)", "result": "5"},
    ]
    code_display_data = [
        {"code": "await display({ toMimeBundle: () => ({ 'text/html': '<b>bold</b>' }) })", "mime": "text/html"},
        {"code": "await display('plain')", "mime": "text/plain"},
    ]
    code_page_something = "Math.max?"
    code_clear_output = "clearOutput()"
    code_history_pattern = "6 [*] 7*"
    supported_history_operations = ("tail", "range", "search")


class KernelbookWelcomeTests(jkt.IopubWelcomeTests):
    kernel_name = "kernelbook"
    support_iopub_welcome = True


if __name__ == "__main__":
    unittest.main(verbosity=2)
