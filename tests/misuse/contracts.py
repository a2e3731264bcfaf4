# SPDX-License-Identifier: MIT
"""What the public headers promise, function by function: parameters, results, errors, suspension."""
import os
import re


class Parameter:
    def __init__(self, kind, name, text):
        self.type = kind
        self.name = name
        self.text = text  # of its @param

    @property
    def may_be_null(self):
        """NULL is a value like others (and for a handle there is nothing to do)."""
        return bool(re.search(r"(may be NULL(?! when)|NULL = |NULL is 0|NULL takes)", self.text, re.I))

    @property
    def null_is_nothing(self):
        return "NULL is 0" in self.text


class Function:
    def __init__(self, name, result, parameters, comment):
        self.name = name
        self.result = result
        self.comment = comment
        self.returns = section(comment, "return")
        errors = section(comment, "par Errors")
        self.errors = sorted(set(re.findall(r"ZIO_E[A-Z0-9]+", errors)))
        self.error_text = errors
        self.suspends = section(comment, "par Suspends").startswith("yes")
        texts = dict(re.findall(r"@param (\w+) (.*?)(?= @|$)", comment))
        missing = [name for _, name in parameters if name not in texts and name != "ud"]
        if missing:
            raise SystemExit(f"{name}: no @param for {missing}")
        self.parameters = [Parameter(kind, part, texts.get(part, "")) for kind, part in parameters]

    @property
    def gives_status(self):
        return (self.result in ("zio_err_t", "zio_ssize_t")
                and not self.error_text.lower().startswith("none"))


def section(comment, mark):
    found = re.search(rf"@{mark}\s+(.*?)(?= @|$)", comment)
    return found.group(1) if found else ""


def read_parameter(text):
    text = " ".join(text.split())
    found = re.fullmatch(r"(.*?[ *])(\w+)", text)
    return found.group(1).strip().replace(" *", "*"), found.group(2)


def read_header(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    pattern = re.compile(
        r"/\*\*((?:(?!\*/).)*)\*/\s*(?:ZIO_NODISCARD\s+)?ZIO_API\s+([\w\s*]+?)\s*ZIO_CALL\s+(\w+)\s*"
        r"\(([^;]*?)\)\s*ZIO_NOEXCEPT\s*;", re.S)
    for comment, result, name, parameters in pattern.findall(text):
        comment = " ".join(re.sub(r"^\s*\*", "", line) for line in comment.splitlines())
        comment = " ".join(comment.split())
        listed = [] if parameters.strip() == "void" else [
            read_parameter(one) for one in parameters.split(",")]
        yield Function(name, " ".join(result.split()).replace(" *", "*"), listed, comment)


def read_all(folder):
    functions = []
    for name in sorted(os.listdir(folder)):
        functions += read_header(os.path.join(folder, name))
    return sorted(functions, key=lambda function: function.name)
