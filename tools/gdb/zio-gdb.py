# SPDX-License-Identifier: MIT
"""gdb commands for programs that use libzio: the tasks of a process, or of its core file, and the
stack of each. They only read memory: no register is written, nothing is called in the process.

The library says itself where everything lies (zio_debugger_layout, made in
core/runtime/debugger.cpp), so its own debug information is not needed.
"""

import re
import struct

import gdb
import gdb.unwinder

LAYOUT_VERSION = 1
ID_MASK = (1 << 58) - 1  # of a handle: what zio_task_id gives
SLOTS_AT_ONCE = 1024
TASKS_WITH_FUNCTION = 500  # a list that is longer is not worth unwinding each stack for it
THREAD_POINTER_REACH = 1 << 20  # errno lies nearer to its thread's pointer than this
LARGEST_STACK = 1 << 30
REGISTERS = {  # stack pointer, frame pointer, program counter, thread pointer
    "i386:x86-64": ("rsp", "rbp", "rip", "fs_base"),
    "aarch64": ("sp", "x29", "pc", "tpidr"),
}


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def read_word(address, size=8):
    return int.from_bytes(read(address, size), "little")


def text_of(data):
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


class Layout:
    """Names and numbers that the library tells about itself."""

    def __init__(self):
        try:
            self.address = int(gdb.parse_and_eval("&zio_debugger_layout").cast(
                gdb.lookup_type("unsigned long")))
        except gdb.error:
            raise gdb.GdbError("libzio is not in this program, or its symbols are gone.")
        if gdb.selected_inferior().pid == 0:
            raise gdb.GdbError("The program is not being run.")
        version, size, count, entries = struct.unpack("<IIQQ", read(self.address, 24))
        if version != LAYOUT_VERSION:
            raise gdb.GdbError("This script is for another version of libzio: it knows layout %d, "
                               "the library has %d." % (LAYOUT_VERSION, version))
        self.values = {}
        data = read(entries, size * count)
        for at in range(0, size * count, size):
            value, = struct.unpack_from("<Q", data, at + size - 8)
            self.values[text_of(data[at:at + size - 8])] = value
        self.library = gdb.solib_name(self.address)  # None: linked statically

    def __getitem__(self, name):
        return self.values[name]

    def words(self, name, count):
        places = struct.unpack("<%dQ" % count, read(self[name], 8 * count))
        return [gdb.Value(place).cast(gdb.lookup_type("char").pointer()).string()
                for place in places]


class Worker:
    def __init__(self, layout, number, address):
        self.number = number
        self.current = read_word(address + layout["worker.current"])
        self.errno_at = read_word(address + layout["worker.errno_at"])
        self.ordinal = read_word(address + layout["worker.ordinal"], 4)
        self.runtime = read_word(address + layout["worker.runtime"]) & ID_MASK
        self.is_thread = read_word(address + layout["worker.is_thread"], 1) != 0
        self.thread = None


class Task:
    def __init__(self, layout, index, address, data):
        def word(name, size=8):
            at = layout[name]
            return int.from_bytes(data[at:at + size], "little")

        self.address = address
        self.word = word("task.word")
        self.id = index << 32 | self.word >> 32
        self.state = word("task.state", 1)
        self.bits = word("task.bits", 2)
        self.worker = word("task.home", 2) & layout["home.number"]
        self.object = word("task.wait.object")
        self.due = word("task.due")
        self.extra = word("task.extra", 4)
        self.registers = struct.unpack_from("<QQQ", data, layout["task.context"])

    def is_live(self, layout):
        return self.state not in (layout["state.unused"], layout["state.done"])

    def has_stack(self, layout):
        return self.state >= layout["state.ready"]


class Process:
    """The tasks and workers at this moment, by the library's own account."""

    def __init__(self):
        self.layout = layout = Layout()
        self.state_words = layout.words("state.words", layout["state.count"])
        self.operation_words = layout.words("operation.words", layout["operation.kinds"])
        self.workers = {}
        size = layout["port.size"]
        ports = read(layout["ports"], size * layout["ports.count"])
        for number in range(layout["ports.count"]):
            address, = struct.unpack_from("<Q", ports, number * size + layout["port.worker"])
            if address != 0:
                self.workers[number] = Worker(layout, number, address)
        self.find_threads()

    def find_threads(self):
        """Each worker's errno lies beside the thread pointer of its thread. Where that is not to be
        had, a running task tells by its stack: it grows down to where its thread is."""
        selected = gdb.selected_thread()
        threads = gdb.selected_inferior().threads()
        frame_level = selected_level()
        places = []
        for thread in threads:
            try:
                thread.switch()
                sp = int(gdb.newest_frame().read_register(register_names()[0]))
                places.append((thread_pointer(thread), sp, thread))
            except gdb.error:
                pass  # it runs
        if selected is not None:
            selected.switch()
            select_level(frame_level)
        for worker in self.workers.values():
            near = [(abs(pointer - worker.errno_at), thread.num, thread)
                    for pointer, _, thread in places if pointer is not None]
            if near and min(near)[0] < THREAD_POINTER_REACH:
                worker.thread = min(near)[2]
                continue
            stack = read_word(worker.current + self.layout["task.stack"])
            below = [(stack - sp, thread.num, thread) for _, sp, thread in places if sp <= stack]
            if below and min(below)[0] < LARGEST_STACK:
                worker.thread = min(below)[2]

    def slot_range(self):
        """Below the first lie the slots of a forked child's parents."""
        first = read_word(self.layout["tasks.first"], 4)
        return first, first + read_word(self.layout["tasks.count"], 4)

    def tasks(self):
        layout = self.layout
        size = layout["task.size"]
        slots = read_word(layout["tasks.slots"])
        first_slot, limit = self.slot_range()
        for first in range(first_slot, limit, SLOTS_AT_ONCE):
            count = min(SLOTS_AT_ONCE, limit - first)
            data = read(slots + first * size, count * size)
            for index in range(count):
                # The state alone tells of most slots that nobody lives there.
                if data[index * size + layout["task.state"]] == layout["state.unused"]:
                    continue
                task = Task(layout, first + index, slots + (first + index) * size,
                            data[index * size:(index + 1) * size])
                if task.is_live(layout):
                    yield task

    def task_at(self, address):
        index = (address - read_word(self.layout["tasks.slots"])) // self.layout["task.size"]
        return Task(self.layout, index, address, read(address, self.layout["task.size"]))

    def task_named(self, text):
        """By id, handle or block, or an expression that gives one of them, or by "name"."""
        text = text.strip()
        if text.startswith('"'):
            found = [task for task in self.tasks() if self.name_of(task) == text.strip('"')]
            if len(found) > 1:
                raise gdb.GdbError("%d tasks are called %s: give an id." % (len(found), text))
            if found:
                return found[0]
            raise gdb.GdbError("No task is called %s." % text)
        number = int(gdb.parse_and_eval(text).cast(gdb.lookup_type("unsigned long"))) & ID_MASK
        layout = self.layout
        slots = read_word(layout["tasks.slots"])
        first, limit = self.slot_range()
        places = range(slots, slots + limit * layout["task.size"], layout["task.size"])
        if number in places[first:]:  # as the probes have it
            task = self.task_at(number)
            if task.is_live(layout):
                return task
        elif first <= number >> 32 < limit:
            task = self.task_at(places[number >> 32])
            if task.id == number and task.is_live(layout):
                return task
        raise gdb.GdbError("No task has the id %d now." % number)

    def name_of(self, task):
        if task.extra == 0:
            return ""
        at = read_word(self.layout["extras"]) + task.extra * self.layout["extra.size"]
        return text_of(read(at + self.layout["extra.name"], self.layout["extra.name.size"]))

    def runs(self, task):
        worker = self.workers.get(task.worker)
        return worker is not None and worker.current == task.address

    def doing(self, task):
        if self.runs(task):
            return "running"
        if task.state >= len(self.state_words):
            return "in state %d" % task.state
        layout = self.layout

        def fill(match):
            if task.object == 0:
                return "?"  # it has just been taken out
            if match.group() == "%t":
                return str(self.task_at(task.object).id)
            if match.group() == "%r":
                return str(self.task_at(read_word(task.object + layout["join.target"])).id)
            if match.group() == "%o":
                kind = read_word(task.object + layout["operation.kind"], 1)
                return self.operation_words[kind]
            return str(read_word(task.object + layout["operation.handle"]))

        words = re.sub("%[trod]", fill, self.state_words[task.state])
        if task.state > layout["state.ready"] and task.due != layout["forever"]:
            words += " until %d" % task.due
        if task.word & layout["word.cancel"]:
            words += ", cancel pending"
        if task.bits & layout["bit.shielded"]:
            words += ", shielded"
        return words

    def describe(self, task):
        name = self.name_of(task)
        worker = self.workers.get(task.worker)
        where = ", no worker"
        if worker is not None:
            where = ", worker %d" % worker.ordinal
            if len({other.runtime for other in self.workers.values() if not other.is_thread}) > 1:
                where += " of runtime %d" % worker.runtime
            if self.runs(task) and worker.thread is not None:
                where += ", thread %d" % worker.thread.num
        return "task %d%s %s%s" % (task.id, ' "%s"' % name if name else "", self.doing(task), where)

    def is_ours(self, frame):
        """Whether the library's own code is in this frame."""
        if self.layout.library is not None:
            return gdb.solib_name(frame.pc()) == self.layout.library
        if re.match(r"zio(::|_)", frame.name() or ""):
            return True
        place = frame.find_sal().symtab  # the C wall consists of functions without a name
        return frame.name() == "operator()" and place is not None and \
            place.filename.startswith("capi/")

    def user_function(self, frame):
        """The innermost function of the program that can be named by file and line."""
        first = None
        for _ in range(64):
            if frame is None:
                break
            if not self.is_ours(frame):
                first = first or frame
                if frame.find_sal().symtab is not None and frame.name() is not None:
                    first = frame
                    break
            frame = frame.older()
        if first is None:
            return ""
        text = ", in %s" % (first.name() or "0x%x" % first.pc())
        place = first.find_sal()
        if place.symtab is not None:
            return text + " at %s:%d" % (place.symtab.filename, place.line)
        library = gdb.solib_name(first.pc())
        return text + (" from %s" % library if library else "")


def register_names():
    name = gdb.newest_frame().architecture().name()
    if name not in REGISTERS:
        raise gdb.GdbError("The stacks of tasks are not known on %s." % name)
    return REGISTERS[name]


def thread_pointer(thread):
    try:
        return int(gdb.newest_frame().read_register(register_names()[3]))
    except (gdb.error, ValueError):
        pass  # this gdb does not know it; the thread library may
    try:
        return int.from_bytes(thread.handle(), "little")
    except (RuntimeError, AttributeError):
        return None


def selected_level():
    try:
        return gdb.selected_frame().level()
    except gdb.error:
        return 0


def select_level(level):
    try:
        frame = gdb.newest_frame()
        for _ in range(level):
            frame = frame.older()
        frame.select()
    except (gdb.error, AttributeError):
        pass  # as it was, as far as that is still there


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class TaskUnwinder(gdb.unwinder.Unwinder):
    """While a task is chosen, the caller of the selected thread's innermost frame is where the task
    waits. That frame is told by its registers: inlined functions may stand in front of it."""

    def __init__(self):
        super().__init__("zio")
        self.enabled = False

    def __call__(self, pending):
        sp, _, pc, _ = self.names
        place = (int(pending.read_register(sp)), int(pending.read_register(pc)))
        if place != self.newest:
            return None
        # gdb demands that frames follow each other upwards.
        info = pending.create_unwind_info(
            FrameId(gdb.Value(self.saved[0] - 64), gdb.Value(place[1])))
        for name, value in zip(self.names, self.saved):
            kind = pending.read_register(name).type
            info.add_saved_register(name, gdb.Value(value).cast(kind))
        return info


class TaskFrames:
    """with TaskFrames(process, task) as frame: the innermost frame of the task, and from there on
    gdb sees the task's stack. Afterwards everything is as it was."""

    unwinder = TaskUnwinder()

    def __init__(self, process, task):
        self.process = process
        self.task = task

    def __enter__(self):
        self.thread = gdb.selected_thread()
        self.level = selected_level()
        self.past = {}
        self.skip = 0
        worker = self.process.workers.get(self.task.worker)
        if self.process.runs(self.task):
            if worker.thread is None:
                raise gdb.GdbError("The thread of this task cannot be told: see `info threads`.")
            worker.thread.switch()
            return gdb.newest_frame()
        if not self.task.has_stack(self.process.layout):
            raise gdb.GdbError("This task has no stack yet.")
        unwinder = TaskFrames.unwinder
        unwinder.names = register_names()
        newest = gdb.newest_frame()
        while newest.type() == gdb.INLINE_FRAME:
            newest = newest.older()
        unwinder.newest = tuple(int(newest.read_register(unwinder.names[i])) for i in (0, 2))
        unwinder.saved = self.task.registers
        for name in ("past-main", "past-entry"):  # the frame in front may be main itself
            self.past[name] = gdb.parameter("backtrace " + name)
            gdb.execute("set backtrace %s on" % name)
        unwinder.enabled = True
        gdb.invalidate_cached_frames()
        frame = gdb.newest_frame()
        while frame is not None:
            if int(frame.read_register(unwinder.names[0])) == self.task.registers[0]:
                return frame
            frame = frame.older()
            self.skip += 1
        self.__exit__()
        raise gdb.GdbError("The stack of this task cannot be read.")

    def __exit__(self, *_):
        TaskFrames.unwinder.enabled = False
        gdb.invalidate_cached_frames()
        for name, value in self.past.items():
            gdb.execute("set backtrace %s %s" % (name, "on" if value else "off"))
        if self.thread is not None and self.thread.is_valid():
            self.thread.switch()
        select_level(self.level)
        return False

    def backtrace(self, arguments):
        """What `backtrace` says, without the frames that are not the task's."""
        words = arguments.split()
        if words and words[-1].isdigit():
            words[-1] = str(int(words[-1]) + self.skip)
        text = gdb.execute("backtrace " + " ".join(words), to_string=True)
        wanted = self.skip == 0
        for line in text.splitlines():
            level = re.match(r"#(\d+) *", line)
            if level:
                wanted = int(level.group(1)) >= self.skip
                if wanted:
                    line = "#%-3d%s" % (int(level.group(1)) - self.skip, line[level.end():])
            elif line.startswith(("(More stack frames", "Backtrace stopped")):
                wanted = True
            if wanted:
                yield line


class ZioCommand(gdb.Command):
    """Look at the tasks of a program that uses libzio."""

    def __init__(self):
        super().__init__("zio", gdb.COMMAND_STACK, gdb.COMPLETE_NONE, prefix=True)


class TasksCommand(gdb.Command):
    """List all live tasks: what each does, on which worker, and in which function.
Usage: zio tasks"""

    def __init__(self):
        super().__init__("zio tasks", gdb.COMMAND_STACK, gdb.COMPLETE_NONE)

    def invoke(self, argument, from_tty):
        process = Process()
        tasks = list(process.tasks())
        for task in tasks:
            line = process.describe(task)
            if len(tasks) <= TASKS_WITH_FUNCTION and task.has_stack(process.layout):
                try:
                    with TaskFrames(process, task) as frame:
                        line += process.user_function(frame)
                except (gdb.GdbError, gdb.error):
                    pass  # the rest of the line is true all the same
            gdb.write(line + "\n")
        gdb.write("%d task%s\n" % (len(tasks), "" if len(tasks) == 1 else "s"))


class BacktraceCommand(gdb.Command):
    """Show the stack of a task, waiting or running.
Usage: zio bt TASK [ARGUMENTS OF BACKTRACE]
       zio bt all [ARGUMENTS OF BACKTRACE]
TASK is an id as `zio tasks` shows it, an expression without spaces that gives a zio_task_t *,
or a name in quotes."""

    def __init__(self):
        super().__init__("zio bt", gdb.COMMAND_STACK, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        which, rest = split_task(argument, "zio bt TASK")
        process = Process()
        if which != "all":
            self.show(process, process.task_named(which), rest)
            return
        for task in process.tasks():
            if task.has_stack(process.layout):
                self.show(process, task, rest)
                gdb.write("\n")

    @staticmethod
    def show(process, task, rest):
        frames = TaskFrames(process, task)
        with frames:
            lines = list(frames.backtrace(rest))
        gdb.write(process.describe(task) + "\n" + "".join(line + "\n" for line in lines))


class ApplyCommand(gdb.Command):
    """Run a command as if the program had stopped where a task waits.
Usage: zio apply TASK COMMAND
The innermost frame of the program itself is selected: zio apply TASK info locals"""

    def __init__(self):
        super().__init__("zio apply", gdb.COMMAND_STACK, gdb.COMPLETE_COMMAND)

    def invoke(self, argument, from_tty):
        which, rest = split_task(argument, "zio apply TASK COMMAND")
        if not rest:
            raise gdb.GdbError("Usage: zio apply TASK COMMAND")
        process = Process()
        with TaskFrames(process, process.task_named(which)) as frame:
            mine = frame
            while mine is not None and process.is_ours(mine):
                mine = mine.older()
            (mine or frame).select()
            text = gdb.execute(rest, to_string=True)
        gdb.write(text)


class WorkersCommand(gdb.Command):
    """List the workers of all runtimes, the task that each runs, and its thread.
Usage: zio workers"""

    def __init__(self):
        super().__init__("zio workers", gdb.COMMAND_STACK, gdb.COMPLETE_NONE)

    def invoke(self, argument, from_tty):
        process = Process()
        running = {task.worker: task for task in process.tasks() if process.runs(task)}
        for worker in sorted(process.workers.values(), key=lambda one: (one.runtime, one.ordinal)):
            if worker.is_thread:
                continue
            task = running.get(worker.number)
            gdb.write("worker %d of runtime %d%s %s\n" % (
                worker.ordinal, worker.runtime,
                ", thread %d" % worker.thread.num if worker.thread else ", no thread known",
                "runs task %d" % task.id if task else "runs no task"))


def split_task(argument, usage):
    found = re.match(r'\s*("[^"]*"|\S+)\s*(.*)$', argument)
    if found is None:
        raise gdb.GdbError("Usage: " + usage)
    return found.groups()


ZioCommand()
TasksCommand()
BacktraceCommand()
ApplyCommand()
WorkersCommand()
gdb.unwinder.register_unwinder(None, TaskFrames.unwinder, replace=True)
