/* SPDX-License-Identifier: MIT */
/* What as many connections as asked for need: descriptors of the process and of the system, ports
 * of those that go out, entries of the firewall. */
#define _GNU_SOURCE

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "doctor.h"
#include "system.h"

enum { LISTENER = 1 };

/* How many more than `used` a limit allows. */
static uint64_t left_of(uint64_t limit, uint64_t used) {
    return limit > used ? limit - used : 0;
}

static void report_descriptors(struct report *report, uint64_t used) {
    struct rlimit limit;
    uint64_t most = UINT64_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    (void)read_number("/proc/sys/fs/nr_open", &most);
    const uint64_t needed = report->connections + used;
    const uint64_t connections = left_of(limit.rlim_cur, used);
    const bool enough = connections >= report->connections;
    struct finding *finding = report_add(report, "descriptors", enough ? VERDICT_OK : VERDICT_FAIL,
                                         "one each, and %" PRIu64 " for the rest: %" PRIu64
                                         " are needed, %" PRIu64 " may be open",
                                         used, needed, (uint64_t)limit.rlim_cur);
    finding_value(finding, limit.rlim_cur);
    finding_fails_at(finding, connections);
    if (enough) return;
    if (needed <= limit.rlim_max) {
        finding_fix(finding, "ulimit -n %" PRIu64, needed);
    } else if (needed <= most) {
        finding_fix(finding, "as root: ulimit -n %" PRIu64 " (systemd: LimitNOFILE=%" PRIu64 ")",
                    needed, needed);
    } else {
        finding_fix(finding, "as root: sysctl -w fs.nr_open=%" PRIu64 " && ulimit -n %" PRIu64,
                    needed, needed);
    }
}

/* No process may have a descriptor with a number beyond it, whatever its own limit says. */
static void report_nr_open(struct report *report, uint64_t used) {
    uint64_t most;
    if (!read_number("/proc/sys/fs/nr_open", &most)) return;
    const uint64_t connections = left_of(most, used);
    const bool enough = connections >= report->connections;
    struct finding *finding =
        report_add(report, "nr_open", enough ? VERDICT_OK : VERDICT_FAIL,
                   "fs.nr_open allows a process %" PRIu64 " descriptors", most);
    finding_value(finding, most);
    finding_fails_at(finding, connections);
    if (!enough) finding_fix(finding, "sysctl -w fs.nr_open=%" PRIu64, report->connections + used);
}

/* The file holds how many are open, an old zero, and the most. */
static void report_file_max(struct report *report, uint64_t used) {
    char text[96], *end;
    if (!read_file("/proc/sys/fs/file-nr", text, sizeof text)) return;
    const uint64_t open = strtoull(text, &end, 10);
    (void)strtoull(end, &end, 10);
    const uint64_t most = strtoull(end, NULL, 10);
    const uint64_t connections = left_of(most, open + used);
    const bool enough = connections >= report->connections;
    struct finding *finding = report_add(
        report, "file_max", enough ? VERDICT_OK : VERDICT_FAIL,
        "fs.file-max allows the system %" PRIu64 " open files, %" PRIu64 " are open", most, open);
    finding_value(finding, most);
    finding_fails_at(finding, connections);
    if (!enough) {
        finding_fix(finding, "sysctl -w fs.file-max=%" PRIu64, report->connections + open + used);
    }
}

/* A limit of clients only, and only of those that all go from one address to one other. */
static void report_ports(struct report *report) {
    char text[64], *end;
    const uint64_t best = 64512;
    if (!read_file("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof text)) return;
    const uint64_t from = strtoull(text, &end, 10), to = strtoull(end, NULL, 10);
    if (to < from) return;
    const uint64_t ports = to - from + 1;
    const bool enough = ports >= report->connections;
    struct finding *finding =
        report_add(report, "ports", enough ? VERDICT_OK : VERDICT_WARN,
                   "%" PRIu64 " for connections that go out, from each address to each other%s",
                   ports, enough ? "" : "; those that come in need none");
    finding_value(finding, ports);
    finding_fails_at(finding, ports);
    if (!enough && ports < best) {
        finding_fix(finding, "sysctl -w net.ipv4.ip_local_port_range='1024 65535'");
    }
}

static void report_conntrack(struct report *report) {
    uint64_t most;
    if (!read_number("/proc/sys/net/netfilter/nf_conntrack_max", &most)) return;
    const bool enough = most >= report->connections;
    struct finding *finding = report_add(report, "conntrack", enough ? VERDICT_OK : VERDICT_WARN,
                                         "the firewall follows %" PRIu64 " connections", most);
    finding_value(finding, most);
    finding_fails_at(finding, most);
    if (!enough) {
        finding_fix(finding, "sysctl -w net.netfilter.nf_conntrack_max=%" PRIu64,
                    report->connections);
    }
}

void doctor_connections(struct report *report, const struct parking *sample) {
    const uint64_t seen = sample != NULL ? sample->descriptors : 0;
    const uint64_t used = (seen != 0 ? seen : count_descriptors()) + LISTENER;
    report_section(report, "connections", "at %" PRIu64 " connections", report->connections);
    report_descriptors(report, used);
    report_nr_open(report, used);
    report_file_max(report, used);
    report_ports(report);
    report_conntrack(report);
}
