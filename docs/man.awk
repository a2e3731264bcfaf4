# SPDX-License-Identifier: MIT
# Makes a manual page of one public header: its comments are the text, its declarations the rest.
#   awk -v out=FOLDER -v version=X.Y.Z -f docs/man.awk include/zio/stream.h
# writes FOLDER/zio_stream.h.3, and for each function a page of one line that leads there. A
# declaration without a comment is a fault; what belongs to a commented type is not.

function fault(what) {
    print FILENAME ":" FNR ": " what | "cat >&2"
    faults++
}

# --- words ---------------------------------------------------------------------------------------

# Text for the formatter: nothing in it is taken for a request, names stand out.
function words(text,    result, word) {
    gsub(/\\/, "\\e", text)
    result = ""
    while (match(text, /`[^`]*`|::ZIO_[A-Z0-9_]+|zio_[a-z0-9_]+\(\)/)) {
        word = substr(text, RSTART, RLENGTH)
        result = result substr(text, 1, RSTART - 1)
        text = substr(text, RSTART + RLENGTH)
        if (word ~ /^`/) word = "\\fI" substr(word, 2, length(word) - 2) "\\fP"
        else if (word ~ /^::/) word = "\\fB" substr(word, 3) "\\fP"
        else word = "\\fB" substr(word, 1, length(word) - 2) "\\fP()"
        result = result word
    }
    result = result text
    if (result ~ /^[.']/) result = "\\&" result
    return result
}

# The lines of a comment from `first` to `last`: paragraphs, lists and what is set as it stands.
function body(first, last,    i, text, blank) {
    blank = 0
    for (i = first; i <= last; i++) {
        text = comment[i]
        if (text == "") { blank = 1; continue }
        if (text ~ /^    / && (blank || verbatim)) {
            if (!verbatim) { print ".PP\n.RS 4\n.nf" > page; verbatim = 1 }
            else if (blank) print "" > page
            sub(/^    /, "", text)
            gsub(/\\/, "\\e", text)
            print "\\&" text > page
            blank = 0
            continue
        }
        if (verbatim) { print ".fi\n.RE" > page; verbatim = 0; blank = 1 }
        if (text ~ /^- /) { print ".IP \\(bu 3" > page; text = substr(text, 3) }
        else if (blank) print ".PP" > page
        sub(/^ +/, "", text)
        print words(text) > page
        blank = 0
    }
    if (verbatim) { print ".fi\n.RE" > page; verbatim = 0 }
}

# A whole comment, with its marks: what each parameter is, what comes back, and the rest.
function documentation(    i, from, mark, rest, name) {
    from = 1
    parameters = 0
    for (i = 1; i <= lines + 1; i++) {
        if (i <= lines && comment[i] !~ /^@/) continue
        if (from < i) body(from, i - 1)
        if (i > lines) break
        mark = comment[i]
        rest = mark
        sub(/^@[a-z]+ */, "", rest)
        if (mark ~ /^@param/) {
            name = rest
            sub(/ .*/, "", name)
            sub(/^[^ ]+ */, "", rest)
            if (!parameters++) print ".PP\n.RS 4" > page
            print ".TP 10\n.I " name > page
            comment[i] = rest
            from = i
            in_parameters = 1
            continue
        }
        if (in_parameters) { print ".RE" > page; in_parameters = 0 }
        if (mark ~ /^@return/) { print ".PP\n.B Returns:" > page; comment[i] = rest; from = i }
        else if (mark ~ /^@par/) { print ".PP\n.B " rest ":" > page; from = i + 1 }
        else if (mark ~ /^@since/) { print ".PP\nSince version " rest "." > page; from = i + 1 }
        else if (mark ~ /^@(test|file)/) from = i + 1
        else { fault("a mark this page maker does not know: " mark); from = i + 1 }
    }
    if (in_parameters) { print ".RE" > page; in_parameters = 0 }
}

# --- declarations --------------------------------------------------------------------------------

function verbatim_declaration(    i, text) {
    print ".PP\n.nf" > page
    for (i = 1; i <= declared; i++) {
        text = declaration[i]
        gsub(/ZIO_(NODISCARD|API|CALL|NOEXCEPT) ?/, "", text)
        sub(/ +;/, ";", text)
        sub(/\/\*\*<?/, "/*", text)
        gsub(/\\/, "\\e", text)
        print "\\&" text > page
    }
    print ".fi" > page
}

function prototype(    i, text) {
    text = ""
    for (i = 1; i <= declared; i++) text = text " " declaration[i]
    gsub(/ZIO_(NODISCARD|API|CALL|NOEXCEPT)/, "", text)
    gsub(/ +/, " ", text)
    sub(/^ /, "", text)
    sub(/ \)/, ")", text)
    sub(/ ;/, ";", text)
    gsub(/\* zio_/, "*zio_", text)
    return text
}

function finish_declaration(    all, i, name) {
    all = ""
    for (i = 1; i <= declared; i++) all = all " " declaration[i]
    if (all ~ /ZIO_API/) {
        match(all, /zio_[a-z0-9_]+ *\(/)
        name = substr(all, RSTART, RLENGTH)
        sub(/ *\(.*/, "", name)
        if (!lines) fault(name " has no comment")
        names[++functions] = name
        print ".SS " name > page
        print ".B " prototype() > page
        print ".PP" > page
        documentation()
    } else if (all ~ /[{]/ || all ~ /typedef/) {
        # A type whose members speak for themselves needs none; a handle is told by its calls.
        if (!lines && all ~ /[{]/ && all !~ /\/\*\*</) fault("a type without a comment:" all)
        if (lines) { print ".PP" > page; documentation() }
        verbatim_declaration()
    }
    declared = 0
    lines = 0
}

BEGIN {
    for (i = 1; i < ARGC; i++) header = ARGV[i]
    sub(/^.*include\//, "", header)
    title = header
    gsub(/\//, "_", title)
    page = out "/" title ".3.body"
    printf "" > page
}

/^[ \t]*\/\*\*($|[^<\/])/ && !inside && !declared {
    lines = 0
    inside = 1
    sub(/^[ \t]*\/\*\*/, "")
    first = 1
}
inside {
    ends = /\*\//
    sub(/ *\*\/.*$/, "")
    if (!first) sub(/^ \*( |$)/, "")
    else sub(/^ /, "")
    first = 0
    sub(/[ \t]+$/, "")
    if ($0 != "" || lines) comment[++lines] = $0
    if (ends) {
        inside = 0
        while (lines && comment[lines] == "") lines--
        if (comment[1] ~ /^@file/) {
            for (i = 2; i <= lines; i++) about[i - 1] = comment[i]
            abouts = lines - 1
            lines = 0
        }
    }
    next
}
/^[ \t]*\/\*/ && !declared { skipping = 1 }
skipping { if (/\*\//) skipping = 0; lines = 0; next }
/^#include/ { if ($2 ~ /zio/) { brings[++included] = $2 } }
/^#/ || continued { continued = /\\$/; lines = 0; next }
/^[ \t]*$/ && !declared { lines = 0; next }
/^(ZIO_BEGIN_DECLS|ZIO_END_DECLS|extern|})/ && !declared { next }
{
    declaration[++declared] = $0
    bare = $0
    sub(/\/\*.*/, "", bare)
    depth += gsub(/[{]/, "", bare) - gsub(/[}]/, "", bare)
    if (depth == 0 && bare ~ /;[ \t]*$/) finish_declaration()
}

END {
    close(page)
    file = out "/" title ".3"
    summary = abouts ? about[1] : ""
    for (i = 2; i <= abouts && summary !~ /\.( |$)/ && about[i] != ""; i++) summary = summary " " about[i]
    if (!match(summary, /\.( |$)/)) fault("no sentence says what the header is for")
    summary = substr(summary, 1, RSTART - 1)
    summary = tolower(substr(summary, 1, 1)) substr(summary, 2)
    print ".\\\" Made of " header " by docs/man.awk." > file
    print ".TH " toupper(title) " 3 \"\" \"libzio " version "\" \"libzio\"\n.ad l\n.nh" > file
    print ".SH NAME" > file
    list = title
    for (i = 1; i <= functions; i++) list = list ",\n" names[i]
    print list > file
    print "\\- " words(summary) > file
    print ".SH SYNOPSIS\n.nf\n.B #include <" header ">\n.fi\n.PP\nLink with \\fI\\-lzio\\fP, or as " \
        "\\fBpkg\\-config \\-\\-cflags \\-\\-libs libzio\\fP says." > file
    print ".SH DESCRIPTION" > file
    page = file
    for (i = 1; i <= abouts; i++) comment[i] = about[i]
    body(1, abouts)
    if (functions) print ".SH DECLARATIONS" > file
    while ((getline text < (out "/" title ".3.body")) > 0) {
        if (!functions && !opened++) print ".SH DECLARATIONS" > file
        print text > file
    }
    print ".SH SEE ALSO" > file
    also = ""
    for (i = 1; i <= included; i++) {
        text = brings[i]
        gsub(/["<>]/, "", text)
        gsub(/\//, "_", text)
        also = also "\n.BR " text " (3),"
    }
    if (header != "zio.h") also = also "\n.BR zio.h (3),"
    sub(/,$/, "", also)
    print substr(also, 2) > file
    close(file)
    for (i = 1; i <= functions; i++) {
        alias = out "/" names[i] ".3"
        print ".so man3/" title ".3" > alias
        close(alias)
    }
    system("rm -f '" out "/" title ".3.body'")
    exit faults != 0
}
