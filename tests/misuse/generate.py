#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what tests/misuse knows of the public functions, from their headers:
    generate.py INCLUDE_FOLDER OUTPUT.c
For each function a call with values from an array, the kind of each parameter, and the errors that
its comment documents. A function with a parameter of no known kind is a fault: it belongs here."""
import sys

sys.dont_write_bytecode = True
import contracts

HANDLES = {"zio_rt_t*": "RT", "zio_task_t*": "TASK", "zio_group_t*": "GROUP",
           "zio_stream_t*": "STREAM", "zio_listener_t*": "LISTENER", "zio_reader_t*": "READER",
           "zio_writer_t*": "WRITER"}
# Where another handle of the kind is meant than one that is in the midst of its life.
MEANT = {("zio_rt_after_fork", "rt"): "FRESH_RT", ("zio_rt_destroy", "rt"): "FRESH_RT",
         ("zio_rt_run", "rt"): "FRESH_RT", ("zio_rt_shutdown", "rt"): "FRESH_RT",
         ("zio_rt_start", "rt"): "FRESH_RT", ("zio_task_launch", "t"): "PREPARED",
         ("zio_task_discard", "t"): "PREPARED", ("zio_task_result", "t"): "PREPARED",
         ("zio_fd_read", "fd"): "FD_READ", ("zio_fd_write", "fd"): "FD_WRITE",
         ("zio_fd_wait", "fd"): "FD_READ", ("zio_stream_from_fd", "fd"): "FD_STREAM",
         ("zio_listener_from_fd", "fd"): "FD_LISTENER", ("zio_listen", "a"): "FREE_ADDRESS",
         ("zio_sleep_until", "dl"): "SOON", ("zio_task_park", "dl"): "SOON",
         ("zio_timeout_push", "dl"): "SOON", ("zio_addr_from_sockaddr", "sa"): "SOCKADDR",
         ("zio_rt_stats", "out"): "STATS"}
STRUCTS = {"const zio_addr_t*": "ADDRESS", "const zio_allocator_t*": "ALLOCATOR",
           "const zio_rt_options_t*": "RT_OPTIONS", "const zio_sock_options_t*": "SOCK_OPTIONS",
           "const zio_spawn_options_t*": "SPAWN_OPTIONS", "const zio_buf_t*": "PIECES",
           "const zio_cbuf_t*": "PIECES"}
FUNCTIONS = {"zio_task_fn": "ENTRY", "zio_free_fn": "NOTHING", "zio_hold_fn": "NOTHING"}
MEMORY = ("char*", "void*", "const void*", "const char*")

# Numbers by their names: a good one, and bad ones with what they give.
EINVAL = "ZIO_EINVAL"
NUMBERS = {
    "capacity": ("0", []),
    "ctx_align": ("0", [("3", EINVAL), ("8192", EINVAL)]), "ctx_size": ("16", [("1LL << 40", "ZIO_E2BIG")]),
    "default_port": ("80", []), "delim": ("'\\n'", []), "depth": ("0", []), "err": ("-11", []),
    "holds": ("1", []), "flags": ("0", [("1LL << 31", EINVAL)]), "len": ("4", []), "min": ("1", [("-1", "ZIO_EMSGSIZE")]),
    "ms": ("5", []), "ns": ("5", []), "option": ("ZIO_OPT_RCVBUF", [("99", EINVAL), ("0", EINVAL)]),
    "os_error": ("11", []), "result_align": ("0", [("3", EINVAL), ("8192", EINVAL)]),
    "result_size": ("16", [("1LL << 40", "ZIO_E2BIG")]), "sa_cap": ("128", [("1", EINVAL)]),
    "sa_len": ("16", [("1", EINVAL)]), "token": ("12345", []), "value": ("8192", [("-5", EINVAL)]),
    "want": ("ZIO_READABLE", [("0", EINVAL), ("64", EINVAL)]),
}
NUMBERS_OF = {
    ("zio_stream_readv", "n"): ("1", []), ("zio_stream_writev", "n"): ("1", []),
    ("zio_addr_parse", "len"): ("10", []), ("zio_rt_advance", "ns"): ("5", [("-1", EINVAL)]),
    ("zio_reader_consume", "n"): ("0", [("1000000", EINVAL)]),
}
# What a call with good arguments gives in a task, where it is no success.
OUTCOMES = {"zio_shield_end": [EINVAL], "zio_pin_end": [EINVAL], "zio_nosuspend_end": [EINVAL],
            "zio_task_park": ["ZIO_ETIMEDOUT"], "zio_set_allocator": ["ZIO_EBUSY"],
            "zio_rt_advance": ["ZIO_ENOTSUP"],
            **{f"zio_sim_{what}": ["ZIO_ENOTSUP"] for what in (
                "advance", "crash", "heal", "partition", "restart")},
            "zio_task_stack": ["0", "ZIO_EAGAIN", "ZIO_ECLOSED"], "zio_rt_run": ["ZIO_EBUSY"]}
# What takes a call back.
UNDO = {"zio_shield_begin": "(void)zio_shield_end()", "zio_pin_begin": "(void)zio_pin_end()",
        "zio_nosuspend_begin": "(void)zio_nosuspend_end()",
        "zio_timeout_push": "(void)zio_timeout_pop(*(uint64_t *)v[0].pointer)"}
# Suspends only if there is something to wait for, and there is not.
IDLE = {"zio_group_destroy", "zio_rt_shutdown"}


def kind_of(function, parameter):
    """The kind, its good number and the bad ones."""
    key = (function.name, parameter.name)
    if key in MEANT:
        return MEANT[key], "0", []
    if parameter.type in HANDLES:
        return HANDLES[parameter.type], "0", []
    if parameter.type.endswith("**") and parameter.type[:-1] in HANDLES:
        return "OUT_" + HANDLES[parameter.type[:-1]], "0", []
    if parameter.type == "zio_deadline_t":
        return "DEADLINE", "0", []
    if parameter.type in FUNCTIONS:
        return FUNCTIONS[parameter.type], "0", []
    if parameter.type in STRUCTS:
        return STRUCTS[parameter.type], "0", []
    if key in NUMBERS_OF or (parameter.name in NUMBERS and not parameter.type.endswith("*")):
        if parameter.type == "uint32_t" and parameter.name == "key":
            return "KEY", "0", []
        if parameter.type == "void*":
            return "NOTHING", "0", []
        good, bad = NUMBERS_OF.get(key) or NUMBERS[parameter.name]
        return "NUMBER", good, bad
    if parameter.type == "uint32_t" and parameter.name == "key":
        return "KEY", "0", [("4000000", EINVAL)] if function.gives_status else []
    if parameter.type == "size_t" and parameter.name == "size":
        whole = function.parameters[0].type.removesuffix("*")
        return "NUMBER", f"sizeof({whole})", [("0", EINVAL), ("5000", "ZIO_E2BIG")]
    if parameter.type == "void*" and parameter.name in ("ud", "value"):
        return "NOTHING", "0", []
    if parameter.type in MEMORY:
        return "MEMORY", "0", []
    if parameter.type.endswith("*") and not parameter.type.startswith("const "):
        return "OUT", "0", []
    raise SystemExit(f"{function.name}: nothing is known of its '{parameter.type} {parameter.name}'")


def argument(function, index, parameter):
    if parameter.type.endswith("*"):
        return f"v[{index}].pointer"
    if parameter.type in FUNCTIONS:
        return f"({parameter.type})(uintptr_t)v[{index}].number"
    return f"({parameter.type})v[{index}].number"


def value_for_bad(function):
    """What a function without a status says of a handle that is none."""
    for text, value in (("NULL for a bad handle", "0"), ("0 for a bad handle", "0"), ("-1 for a bad handle", "-1")):
        if text in function.returns:
            return value
    return None


def flags_of(function):
    flags = []
    if function.gives_status:
        flags.append("GIVES_STATUS")
    if function.suspends and "ZIO_ENOSUSPEND" in function.errors and function.name not in IDLE:
        flags.append("SUSPENDS")
    if "caller is in no task" in function.error_text:
        flags.append("NEEDS_TASK")
    if "Any other number is" in function.error_text:
        flags.append("PASSES_RESULTS")
    if value_for_bad(function) == "-1":
        flags.append("MINUS_IF_BAD")
    elif value_for_bad(function) == "0":
        flags.append("ZERO_IF_BAD")
    return " | ".join(flags) or "0"


def write_function(function, out):
    name = function.name
    arguments = ", ".join(argument(function, i, p) for i, p in enumerate(function.parameters))
    result = f"(intptr_t){name}({arguments})" if function.result.endswith("*") else f"{name}({arguments})"
    unused = "" if function.parameters else "    (void)v;\n"
    out.append(f"static int64_t call_{name}(const union value *v) {{\n{unused}    return (int64_t){result};\n}}")
    if name in UNDO:
        unused = "" if "v[" in UNDO[name] else "    (void)v;\n"
        out.append(f"static void undo_{name}(const union value *v) {{\n{unused}    {UNDO[name]};\n}}")
    rows = []
    for parameter in function.parameters:
        kind, good, bad = kind_of(function, parameter)
        flags = (["MAY_BE_NULL"] if parameter.may_be_null else []) + (
            ["NULL_IS_NOTHING"] if parameter.null_is_nothing else [])
        bads = ", ".join(f"{{{number}, {error}}}" for number, error in bad)
        rows.append(f'    {{"{parameter.name}", KIND_{kind}, {" | ".join(flags) or 0}, {good}, '
                    f"{len(bad)}, {{{bads or '{0, 0}'}}}}},")
    if rows:
        out.append(f"static const struct parameter parameters_{name}[] = {{\n" + "\n".join(rows) + "\n};")
    return (f'    {{"{name}", call_{name}, {"undo_" + name if name in UNDO else "NULL"}, '
            f"{'parameters_' + name if rows else 'NULL'}, {len(rows)}, {flags_of(function)},\n"
            f"     {{{', '.join(function.errors + ['0'])}}}, {{{', '.join(OUTCOMES.get(name, []) + ['1'])}}}}},")


def main():
    functions = contracts.read_all(sys.argv[1])
    out = ["/* SPDX-License-Identifier: MIT */",
           "/* Written by tests/misuse/generate.py from the public headers. */",
           '#include "tests/misuse/functions.h"', ""]
    table = [write_function(function, out) for function in functions]
    out += ["const struct function functions[] = {", *table, "};",
            "const int function_count = (int)(sizeof functions / sizeof functions[0]);"]
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
