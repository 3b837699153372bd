"""Attacks of submissions on the tests that grade them: cells of code, by what they do."""

import os
import signal

from cifarlab.teaching.sandbox.execution import execute_notebook

ANSWER = """\
import numpy as np
def unevenness(labels, batch_size):
    classes, whole = np.arange(labels.max() + 1), len(labels) // batch_size * batch_size
    batches = labels[:whole].reshape(-1, batch_size, 1)
    differences = np.mean(batches == classes, axis=1) - np.mean(labels[:, None] == classes, axis=0)
    return float(np.mean(0.5 * np.abs(differences).sum(axis=1)))"""
WRONG = "def unevenness(labels, batch_size):\n    return 7.0"

REPLACED = {
    "the name of the checks": """
class teaching:
    check_unevenness = staticmethod(lambda *a, **k: None)""",
    "a check in its package": "import cifarlab.teaching; cifarlab.teaching.check_unevenness = lambda *a, **k: None",
    "a check where it is written": "import cifarlab.teaching.checks.ex03_queue_fill as c; c.Examiner = None",
    "a check's code": """
from cifarlab.teaching import check_unevenness
def nothing(unevenness, *, key=None): return 1
check_unevenness.__code__ = nothing.__code__""",
    "a check's default values": """
from cifarlab.teaching.checks.examiner import Examiner
Examiner.assert_close.__kwdefaults__['tolerance'] = 1e9""",
    "a method of all checks": """
import cifarlab.teaching.checks.examiner as e
e.Examiner.assert_close = lambda *a, **k: 0""",
    "how all checks fail": "import cifarlab.teaching.checks.examiner as e; e.Examiner.fail = lambda *a, **k: None",
    "how methods are found": """
from cifarlab.teaching.checks.examiner import Examiner
Examiner.__getattribute__ = lambda self, name: (lambda *a, **k: None) if name != 'random' else RNG
RNG = __import__('numpy').random.default_rng(0)""",
    "how functions are called": """
import cifarlab.teaching.checks.examiner as e
e.call_with_timeout, e._close = lambda *a, **k: 0, lambda *a: True""",
    "a built-in function, in a module": """
import cifarlab.teaching.checks.examiner as e
e.callable, e.np = lambda x: False, e""",
    "numpy's comparison": "import numpy; numpy.allclose = numpy.array_equal = lambda *a, **k: True",
    "numpy's comparison, inside": """
import numpy
def always(a, b, rtol=1e-05, atol=1e-08, equal_nan=False): return True
numpy.allclose.__wrapped__.__code__ = always.__code__""",
    "what a decorator holds": """
import cifarlab.files
cifarlab.files.atomic_write.__closure__[0].cell_contents = lambda *a, **k: None""",
    "a package": """
import sys, types, cifarlab
fake = types.ModuleType('cifarlab.teaching')
fake.check_unevenness = lambda *a, **k: None
sys.modules['cifarlab.teaching'] = cifarlab.teaching = fake""",
    "a package by a file": """
import os, sys
os.makedirs('cifarlab', exist_ok=True)
open('cifarlab/__init__.py', 'w').close()
open('cifarlab/teaching.py', 'w').write('check_unevenness = lambda *a, **k: None')
sys.path.insert(0, os.getcwd())
for name in [name for name in sys.modules if name.startswith('cifarlab')]:
    del sys.modules[name]""",
    "how packages are imported": """
import builtins, types
real = builtins.__import__
fake = types.SimpleNamespace(teaching=types.SimpleNamespace(check_unevenness=lambda *a, **k: None))
builtins.__import__ = lambda name, *a, **k: fake if name == 'cifarlab' else real(name, *a, **k)""",
    "what a table of the checks holds": "import cifarlab.teaching.checks.student_calls as a; a._ADVICE.clear()",
    "what a check imports when it is called": "import sys; sys.modules['scipy.io'] = type(sys)('scipy.io')",
    "what the grader restores with": """
import cifarlab.teaching.sandbox.snapshot as o, cifarlab.teaching.sandbox.autograder as t
import cifarlab.teaching.checks.examiner as e
o.ModuleSnapshot.restore = lambda self: []
o._changed_names = lambda *a: []
t.Autograder.run_test = lambda *a: {'replaced': [], 'right': 'yes', 'number': None}
e.Examiner.assert_close = lambda *a, **k: None""",
    "what the grader writes with": """
import json
real, fake = json.dumps, '{"replaced": [], "right": "yes", "number": null}'
json.dumps = lambda value, *a, **k: fake if 'replaced' in value else real(value, *a, **k)""",
    "what the grader runs with": """
import builtins
def deaf(real):
    return lambda code, *a, **k: None if getattr(code, 'co_filename', '') == '<test>' else real(code, *a, **k)
builtins.exec, builtins.eval = deaf(exec), deaf(eval)""",
    "what the grader compares with": """
import builtins, sys
import cifarlab.teaching.checks.examiner as e
def blind(real):
    return lambda *a: False if sys._getframe(1).f_code.co_filename.endswith('snapshot.py') else real(*a)
builtins.any, builtins.hasattr, builtins.callable = blind(any), blind(hasattr), blind(callable)
e.Examiner.assert_close, e.np = lambda *a, **k: None, e""",
}
"""Code of a student's cell that runs before a test."""

HOOKED = {
    "before cells": """
def hook(*a): get_ipython().user_ns['teaching'] = type('t', (), {'check_unevenness': lambda *a, **k: None})
get_ipython().events.register('pre_run_cell', hook); get_ipython().events.register('pre_execute', hook)""",
    "after cells": """
def hook(result):
    result.error_in_exec = result.error_before_exec = None
get_ipython().events.register('post_run_cell', hook)""",
    "on a cell's text": "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])",
    "on a cell's text, afterwards": "get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])",
    "on a cell's tree": """
import ast
class Nothing(ast.NodeTransformer):
    def visit_Module(self, node): return ast.parse('pass')
get_ipython().ast_transformers.append(Nothing())""",
    "on exceptions": "get_ipython().set_custom_exc((Exception,), lambda *a, **k: None)",
    "in the shell": """
shell = get_ipython()
shell.run_cell = shell.run_ast_nodes = shell.run_code = shell.showtraceback = lambda *a, **k: None""",
    "in the notebook's names": """
import cifarlab.teaching as t
class Names(dict):
    def __iter__(self):
        real = t.check_unevenness
        def check(*a, **k): t.check_unevenness = real
        t.check_unevenness = check
        return super().__iter__()
    def keys(self): return list(self)
get_ipython().user_ns = Names(get_ipython().user_ns)""",
    "on every line": """
import sys, threading
def trace(frame, event, arg):
    if 'actual' in frame.f_locals: frame.f_locals['actual'] = 0
    return trace
sys.settrace(trace); sys.setprofile(trace); threading.settrace(trace)""",
    "on a clock": """
import signal
import cifarlab.teaching.checks.examiner as e
def tick(*a): e._close = lambda *a: True
signal.signal(signal.SIGALRM, tick); signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)""",
}
"""Code of a student's cell that installs a hook before a test."""

FORGED = """
async def do_execute(*a, **k):
    outcome = '{"replaced": [], "right": "yes", "number": null}'
    return {'status': 'ok', 'execution_count': 1, 'user_expressions': {}, 'outcome': outcome, 'signature': ''}
get_ipython().kernel.do_execute = do_execute"""
"""Code of a student's cell that replaces the kernel's method before a test."""

MEANWHILE = {
    "permanently": """
    import cifarlab.teaching.checks.examiner as e
    e.Examiner.assert_close = lambda *a, **k: None
    return 7.0""",
    "for a moment": """
    from cifarlab.teaching.checks.examiner import Examiner
    real = Examiner.assert_close
    def assert_close(*a, **k): Examiner.assert_close = real
    Examiner.assert_close = assert_close
    return 7.0""",
    "in numpy": """
    import numpy
    real = numpy.allclose
    def allclose(*a, **k):
        numpy.allclose = real
        return True
    numpy.allclose = allclose
    return 7.0""",
    "from a value": """
    import cifarlab.teaching.checks.examiner as e
    class Value:
        def __array__(self, *a, **k):
            e._close = lambda *a: True
            return __import__('numpy').zeros(())
    return Value()""",
    "from a value, and put back": """
    import numpy
    class Value:
        def __array__(self, *a, **k):
            real = numpy.allclose
            def allclose(*a, **k):
                numpy.allclose = real
                return True
            numpy.allclose = allclose
            return numpy.zeros(())
    return Value()""",
    "from a thread": """
    import threading, time, cifarlab.teaching.checks.examiner as e
    def again():
        for _ in range(400):
            e._close = lambda *a: True
            time.sleep(0.001)
    threading.Thread(target=again, daemon=True).start()
    return 7.0""",
    "an answer to the grader": """
    import time
    kernel, outcome = get_ipython().kernel, '{"replaced": [], "right": "yes", "number": null}'
    parent = kernel.get_parent('shell')
    content = {'status': 'ok', 'execution_count': 1, 'outcome': outcome, 'signature': '', 'user_expressions': {}}
    ident = parent['header']['session'].encode()
    kernel.session.send(kernel.shell_stream.socket, 'execute_reply', content, parent=parent, ident=ident)
    time.sleep(0.5)
    return 7.0""",
    "outputs cleared": """
    import threading, time
    from IPython.display import clear_output
    def clear():
        for _ in range(300):
            clear_output(); time.sleep(0.001)
    threading.Thread(target=clear, daemon=True).start()
    return 7.0""",
    "a verdict": """
    from cifarlab.teaching.checks.result import CheckPassed
    raise SystemExit(CheckPassed('yes'))""",
    "an end": "\n    import sys\n    sys.exit(0)",
}
"""Function bodies: what an answer does while a check calls it."""

READ = """
import gc, inspect, linecache, sys
def spied():
    shell = get_ipython()
    found = [shell.user_ns.get('In'), shell.user_ns.get('_ih'), shell.user_ns.get('_i'), list(linecache.cache.items())]
    found += [list(shell.history_manager.get_range(raw=raw, output=True)) for raw in (False, True)]
    found += [shell.history_manager.input_hist_raw, vars(shell.last_execution_result or object)]
    found += [shell.kernel.get_parent(), shell.parent_header, shell.display_pub.parent_header, heard]
    found += [shell.compile.__dict__, sys.argv, open('/proc/self/cmdline').read()]
    found += [vars(module) for name, module in sys.modules.items() if name.startswith('cifarlab')]
    return repr(found)
def seen(): return str(get_ipython().kernel.get_parent('shell')['content']['code'])
heard = []
shell = get_ipython()
shell.events.register('pre_run_cell', lambda info: heard.append(info.raw_cell))
shell.input_transformers_cleanup.append(lambda lines: heard.append(lines) or lines)"""
"""Defines `spied()`, which collects other cells' text from IPython, Jupyter and cifarlab, and `seen()`, this cell's."""

LEAKS = {
    "printed": "print(seen()); import sys; print(seen(), file=sys.stderr)",
    "written past Python": "import os; os.write(1, seen().encode()); os.write(2, seen().encode())",
    "displayed": "display(seen()); shown.update(seen()); display({'text/plain': seen()}, raw=True)",
    "raised": "raise ValueError(seen())",
    "raised as an assertion": "raise AssertionError(seen())",
    "raised as a refusal": """from cifarlab.teaching.checks.result import CheckFailedError
    raise CheckFailedError(seen())""",
    "raised as a class": "raise type(seen(), (Exception,), {})",
    "returned": "return seen()",
    "returned as a verdict": "from cifarlab.teaching.checks.result import CheckPassed; return CheckPassed(seen())",
    "said later": "import threading; threading.Timer(0.2, lambda: print(seen())).start()",
    "sent": """kernel = get_ipython().kernel
    for kind in 'stream', 'display_data', 'error', 'execute_input':
        content = {'name': 'stdout', 'text': seen(), 'data': {'text/plain': seen()}, 'metadata': {}, 'ename': seen(),
            'evalue': seen(), 'traceback': [seen()], 'code': seen(), 'execution_count': 1}
        kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent('shell'))""",
}
"""Ways to leak the text from a function while a test calls it."""


def run_or_end(text, limits):
    """A replacement of `execute_notebook`: a notebook that contains `os._exit` kills the process that executes it."""
    if "os._exit" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute_notebook(text, limits)
