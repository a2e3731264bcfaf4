// SPDX-License-Identifier: MIT
// The tests of the schedule: every scenario without a mistake, in two ways to choose who goes on
// and two models of memory, and then every mistake of mutants.csv until it is found.
//   schedule_test                                        all of it; ZIO_TEST_SCALE scales the time
//   schedule_test --mutant N                             that mistake alone
//   schedule_test --scenario NAME [--mutant N] [--policy walk|priorities]
//       [--memory sequential|buffered] [--seed S] [--trace]      one execution, again
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/schedule/jobs.hpp"
#include "tests/schedule/memory.hpp"

namespace zio::check {
namespace {

// In each of the four modes. A mistake that is not found gets more time once.
constexpr double seconds_of_clean = 3;
constexpr double seconds_of_mutant = 1.5;
constexpr double patience = 8;

struct Mutant {
    int number;
    std::string file;
    std::string scenario;
    std::string what;
};

const Scenario* find_scenario(const std::string& name) {
    for (const auto part : {engine_scenarios(), base_scenarios(), task_scenarios(),
                            crew_scenarios(), object_scenarios()}) {
        for (const Scenario& one : part) {
            if (name == one.name) return &one;
        }
    }
    return nullptr;
}

std::string read_file(const std::string& path) {
    std::string text;
    if (FILE* file = std::fopen(path.c_str(), "r")) {
        char part[4096];
        while (const std::size_t size = std::fread(part, 1, sizeof part, file)) {
            text.append(part, size);
        }
        std::fclose(file);
    }
    return text;
}

// The table; its mistakes must stand in the files it names, and no others.
bool read_mutants(std::vector<Mutant>* out) {
    const std::string text = read_file(ZIO_SOURCE "/tests/schedule/mutants.csv");
    bool good = true;
    std::size_t at = text.find('\n') + 1;  // behind the names of the columns
    while (at < text.size()) {
        std::size_t end = text.find('\n', at);
        if (end == std::string::npos) end = text.size();
        std::string fields[4];
        for (unsigned i = 0; i < 4; ++i) {
            const std::size_t stop = i < 3 ? text.find(',', at) : end;
            fields[i] = text.substr(at, stop - at);
            at = stop + 1;
        }
        Mutant mutant{std::atoi(fields[0].c_str()), fields[1], fields[2], fields[3]};
        std::string source = read_file(std::string(ZIO_SOURCE "/core/") + mutant.file);
        std::erase_if(source, [](char letter) { return letter == ' ' || letter == '\n'; });
        const bool there = source.find("MUTANT(" + fields[0] + ",") != std::string::npos ||
                           source.find("MUTANT(" + fields[0] + ")") != std::string::npos;
        if (!there || find_scenario(mutant.scenario) == nullptr) {
            std::printf("mutant %d: no such place in %s, or no scenario %s\n", mutant.number,
                        mutant.file.c_str(), mutant.scenario.c_str());
            good = false;
        }
        out->push_back(std::move(mutant));
    }
    return good;
}

double scale() {
    const char* text = std::getenv("ZIO_TEST_SCALE");
    return text != nullptr ? std::atof(text) : 1.0;
}

constexpr const char* heading = "%-54s %12s %12s %12s %12s\n";

void print_heading(const char* title) {
    std::printf("\n");
    std::printf(heading, "", "sequential", "sequential", "buffered", "buffered");
    std::printf(heading, title, "walk", "priorities", "walk", "priorities");
}

void print_counts(const std::string& name, const Job* jobs) {
    std::printf("%-54.54s", name.c_str());
    for (unsigned mode = 0; mode < mode_count; ++mode) {
        const Job& job = jobs[mode];
        const bool shows = job.mutant == 0 || job.outcome == Outcome::found;
        char text[32] = "-";
        if (shows) std::snprintf(text, sizeof text, "%llu", job.executions);
        std::printf(" %12s", text);
    }
    std::printf("\n");
}

void add(std::vector<Job>* jobs, const Scenario& scenario, int mutant, double seconds) {
    for (unsigned mode = 0; mode < mode_count; ++mode) {
        Job job;
        job.scenario = &scenario;
        job.mutant = mutant;
        job.mode = mode;
        job.seconds = seconds;
        jobs->push_back(job);
    }
}

// How many scenarios fail that should not.
unsigned run_clean() {
    std::vector<Job> jobs;
    for (const auto part :
         {base_scenarios(), task_scenarios(), crew_scenarios(), object_scenarios()}) {
        for (const Scenario& one : part) add(&jobs, one, 0, seconds_of_clean * scale());
    }
    run_all(jobs);
    print_heading("no mistake: executions");
    unsigned failed = 0;
    unsigned long long executions = 0;
    unsigned long long steps = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (i % mode_count == 0) print_counts(jobs[i].scenario->name, &jobs[i]);
        executions += jobs[i].executions;
        steps += jobs[i].steps;
        if (jobs[i].outcome == Outcome::clean) continue;
        ++failed;
        std::printf("%s", describe(jobs[i]).c_str());
    }
    std::printf("%llu executions, %llu million steps, %u findings\n", executions, steps / 1'000'000,
                failed);
    return failed;
}

// A mistake that memory without buffers hides, and the same put right.
unsigned run_engine() {
    std::vector<Job> jobs;
    for (const Scenario& one : engine_scenarios()) add(&jobs, one, 0, 0.5 * scale());
    run_all(jobs);
    unsigned wrong = 0;
    for (const Job& job : jobs) {
        const bool is_buffered = settings_of(job.mode, 0).model == Model::buffered;
        const std::string name = job.scenario->name;
        const bool shall_fail =
            name.ends_with("wrong") || (name.ends_with("buffers") && is_buffered);
        if (shall_fail == (job.outcome == Outcome::found)) continue;
        ++wrong;
        std::printf("the engine: %s, %s\n%s", name.c_str(),
                    shall_fail ? "not found" : "found where nothing is wrong",
                    describe(job).c_str());
    }
    std::printf("the engine: %zu of %zu as they should be\n", jobs.size() - wrong, jobs.size());
    return wrong;
}

bool is_found(const Job* jobs) {
    bool found_one = false;
    for (unsigned mode = 0; mode < mode_count; ++mode) {
        found_one |= jobs[mode].outcome == Outcome::found;
    }
    return found_one;
}

void try_again(std::vector<Job>& jobs) {
    std::vector<Job> again;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < jobs.size(); i += mode_count) {
        if (is_found(&jobs[i])) continue;
        const Job& first = jobs[i];
        add(&again, *first.scenario, first.mutant, first.seconds * patience);
        places.push_back(i);
    }
    run_all(again);
    for (std::size_t i = 0; i < again.size(); ++i) {
        jobs[places[i / mode_count] + i % mode_count] = again[i];
    }
}

unsigned run_mutants(int only, bool says_how) {
    std::vector<Mutant> mutants;
    if (!read_mutants(&mutants)) return 1;
    std::vector<Job> jobs;
    std::vector<const Mutant*> run;
    for (const Mutant& one : mutants) {
        if (only != 0 && one.number != only) continue;
        run.push_back(&one);
        add(&jobs, *find_scenario(one.scenario), one.number, seconds_of_mutant * scale());
    }
    run_all(jobs);
    try_again(jobs);
    print_heading("mistake: executions until it was found");
    unsigned survived = 0;
    for (std::size_t i = 0; i < run.size(); ++i) {
        const Job* mine = &jobs[i * mode_count];
        print_counts(std::to_string(run[i]->number) + " " + run[i]->what, mine);
        for (unsigned mode = 0; mode < mode_count && says_how; ++mode) {
            std::printf("%s", describe(mine[mode]).c_str());
        }
        if (is_found(mine)) continue;
        ++survived;
        std::printf("   mistake %d was not found\n", run[i]->number);
    }
    std::printf("%zu of %zu mistakes found\n", run.size() - survived, run.size());
    return survived;
}

int run_one(const Scenario& scenario, const Settings& settings) {
    begin_memory();
    execute(settings, scenario.run);
    end_memory();
    std::printf("%s: nothing found in %llu steps\n", scenario.name,
                static_cast<unsigned long long>(step_count()));
    return 0;
}

}  // namespace
}  // namespace zio::check

int main(int count, char** arguments) {
    using namespace zio::check;
    Settings settings{Policy::walk, Model::sequential, 1, false};
    const char* scenario = nullptr;
    const char* number = std::getenv("ZIO_MUTANT");
    for (int i = 1; i < count; ++i) {
        const std::string name = arguments[i];
        const char* value = i + 1 < count ? arguments[i + 1] : "";
        if (name == "--trace") {
            settings.traces = true;
            continue;
        }
        ++i;
        if (name == "--scenario") scenario = value;
        if (name == "--mutant") number = value;
        if (name == "--seed") settings.seed = std::strtoull(value, nullptr, 10);
        if (name == "--policy" && value[0] == 'p') settings.policy = Policy::priorities;
        if (name == "--memory" && value[0] == 'b') settings.model = Model::buffered;
    }
    const int wanted = number != nullptr ? std::atoi(number) : 0;
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    prepare();
    if (scenario != nullptr) {
        const Scenario* found_one = find_scenario(scenario);
        if (found_one == nullptr) {
            std::printf("no scenario %s\n", scenario);
            return 2;
        }
        mutant = wanted;
        remember_variables();
        return run_one(*found_one, settings);
    }
    if (wanted != 0) return run_mutants(wanted, true) == 0 ? 0 : 1;
    unsigned failed = run_engine();
    failed += run_clean();
    failed += run_mutants(0, false);
    return failed == 0 ? 0 : 1;
}
