// SPDX-License-Identifier: MIT
#include "tests/schedule/jobs.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "tests/schedule/memory.hpp"
#include "tests/schedule/system.hpp"

namespace zio::check {

namespace {

// What a process says of itself while it lives, in memory that both share.
struct Progress {
    std::uint64_t executions;
    std::uint64_t steps;
    std::uint64_t seed;
    pid_t process;
    int output;
};

double seconds_now() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// A seed gives the same execution whatever ran before it.
constexpr unsigned repeated = 20;

void run_here(const Job& job, Progress& progress) {
    mutant = job.mutant;
    remember_variables();
    std::uint64_t steps[repeated];
    const double end = seconds_now() + job.seconds;
    for (std::uint64_t seed = 1;; ++seed) {
        progress.seed = seed;
        ++progress.executions;
        begin_memory();
        execute(settings_of(job.mode, seed), job.scenario->run);
        end_memory();
        progress.steps += step_count();
        if (seed <= repeated) steps[seed - 1] = step_count();
        if (seed >= repeated && seed % 16 == 0 && seconds_now() > end) break;
    }
    for (std::uint64_t seed = 1; seed <= repeated; ++seed) {
        progress.seed = seed;
        begin_memory();
        execute(settings_of(job.mode, seed), job.scenario->run);
        if (steps[seed - 1] != step_count()) found("the same seed, another execution");
    }
    _exit(0);
}

void begin(const Job& job, Progress& progress) {
    int ends[2];
    if (pipe(ends) != 0) abort();
    progress = {};
    const pid_t process = fork();
    if (process == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        alarm(static_cast<unsigned>(job.seconds) + 20);
        run_here(job, progress);
    }
    close(ends[1]);
    progress.output = ends[0];
    progress.process = process;
}

void finish(Job& job, Progress& progress, int status) {
    char text[2000];
    ssize_t length;
    while ((length = read(progress.output, text, sizeof text)) > 0) {
        job.said.append(text, static_cast<std::size_t>(length));
    }
    close(progress.output);
    progress.process = 0;
    job.executions = progress.executions;
    job.steps = progress.steps;
    job.seed = progress.seed;
    job.outcome = Outcome::found;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) job.outcome = Outcome::clean;
    if (WIFSIGNALED(status)) {
        job.said += "found: ended by signal " + std::to_string(WTERMSIG(status)) + "\n";
    }
}

constexpr const char* policy_names[] = {"walk", "priorities"};
constexpr const char* model_names[] = {"sequential", "buffered"};

}  // namespace

Settings settings_of(unsigned mode, std::uint64_t seed) {
    return {static_cast<Policy>(mode & 1), static_cast<Model>(mode >> 1), seed, false};
}

void prepare() {
    prepare_engine();
    prepare_memory();
    prepare_system();
}

void run_all(std::vector<Job>& jobs) {
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const auto most = static_cast<std::size_t>(processors > 0 ? processors : 1);
    void* const shared = mmap(nullptr, most * sizeof(Progress), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) abort();
    auto* const slots = static_cast<Progress*>(shared);
    std::vector<std::size_t> job_of(most);
    std::size_t next = 0;
    std::size_t running = 0;
    while (next < jobs.size() || running > 0) {
        for (std::size_t i = 0; i < most && next < jobs.size(); ++i) {
            if (slots[i].process != 0) continue;
            job_of[i] = next;
            begin(jobs[next++], slots[i]);
            ++running;
        }
        int status = 0;
        const pid_t ended = wait(&status);
        for (std::size_t i = 0; i < most; ++i) {
            if (slots[i].process != ended) continue;
            finish(jobs[job_of[i]], slots[i], status);
            --running;
        }
    }
    munmap(shared, most * sizeof(Progress));
}

std::string describe(const Job& job) {
    if (job.outcome == Outcome::clean) return "";
    const Settings settings = settings_of(job.mode, job.seed);
    std::string text = "   " + job.said + "   again: schedule_test --scenario ";
    text += job.scenario->name;
    if (job.mutant != 0) text += " --mutant " + std::to_string(job.mutant);
    text += " --policy ";
    text += policy_names[static_cast<unsigned>(settings.policy)];
    text += " --memory ";
    text += model_names[static_cast<unsigned>(settings.model)];
    return text + " --seed " + std::to_string(job.seed) + "\n";
}

}  // namespace zio::check
