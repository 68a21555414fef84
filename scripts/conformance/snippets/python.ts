/** The snippets in Python, for ipykernel. */
import type { Snippets } from './snippets.js';

export const python: Snippets = {
  value: '6 * 7',
  statement: 'conformance_statement = 1',
  stdout: 'print("out")',
  stderr: 'import sys\nprint("err", file=sys.stderr)',
  lines: 'for i in range(20000): print(f"line {i}")',
  display: 'from IPython.display import display\ndisplay({"text/plain": "shown"}, raw=True)',
  displayUpdate:
    'from IPython.display import display\nd = display({"text/plain": "first"}, raw=True, display_id="conformance")\nd.update({"text/plain": "second"}, raw=True)',
  clearOutput: 'from IPython.display import clear_output\nclear_output()',
  failure: 'raise ValueError("boom")',
  lateFailure: 'import time\ntime.sleep(0.4)\nraise ValueError("boom")',
  busy: 'import time\ntime.sleep(2)',
  waits:
    'import time\nconformance_released = False\nfor _ in range(200):\n    if conformance_released: break\n    time.sleep(0.05)\nelse: raise TimeoutError()',
  release: 'conformance_released = True',
  define: 'conformance_kept = 41',
  useDefined: 'conformance_kept + 1',
  lateOutput:
    'import asyncio\nasync def later():\n    await asyncio.sleep(0.5)\n    print("late")\nlate_task = asyncio.ensure_future(later())',
  expression: '40 + 2',
  badExpression: 'no_such_name_here',
  complete: 'a = 1',
  incomplete: 'if True:',
  invalid: 'import = 7q',
  completable: '"😀😀"; isinst',
  completion: 'isinstance',
  completed: 6,
  inspectable: 'isinstance',
  documented: 'isinstance',
  unknown: 'no_such_name_here',
  input: 'input("name?")',
  password: 'import getpass\ngetpass.getpass("name?")',
  commInverts:
    'def inverts(comm, opening):\n    def answer(message):\n        inverted = [bytes(255 - byte for byte in bytes(part)) for part in message["buffers"]]\n        comm.send({"echo": message["content"]["data"]}, buffers=inverted)\n    comm.on_msg(answer)\nget_ipython().kernel.comm_manager.register_target("conformance", inverts)',
  pager: 'isinstance?',
  interruptLoop: 'while True: pass',
  interruptAfterAwait: 'import asyncio\nawait asyncio.sleep(0.05)\nwhile True: pass',
  interruptTimer:
    'import asyncio\ndef forever():\n    while True: pass\nasyncio.get_running_loop().call_later(0.05, forever)\nawait asyncio.sleep(1000)',
  interruptPending: 'import asyncio\nawait asyncio.get_running_loop().create_future()',
  interruptSleep: 'import time\ntime.sleep(1000)',
  interruptCatchAll: 'while True:\n    try:\n        raise ValueError()\n    except Exception:\n        pass',
  interruptPrinting: 'while True: print("x")',
  interruptMicrotask: {
    missing: 'Python has no queue of microtasks',
  },
  interruptGenerator: 'def ones():\n    while True: yield 1\nfor _ in ones(): pass',
  interruptSort: 'import random\nwhile True: sorted(random.random() for _ in range(100000))',
};
