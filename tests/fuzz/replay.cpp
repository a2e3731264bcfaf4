// SPDX-License-Identifier: MIT
// Runs a fuzz target without a fuzzer: on every file that is named, and on every file of a folder
// that is named; then on as many inputs made from them by chance as --random says, times
// ZIO_TEST_SCALE. ZIO_SEED chooses others. The input of a run that ends badly is printed in hex.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/input.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes present;  // what is being run

void tell(const char* text) {
    const auto written = write(STDERR_FILENO, text, std::strlen(text));
    static_cast<void>(written);
}

void tell_input(int signal_number) {
    tell("replay: the input was");
    for (const std::uint8_t byte : present) {
        const char text[] = {' ', "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15], 0};
        tell(text);
    }
    tell("\n");
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);
}

void run(const Bytes& input) {
    present = input;
    LLVMFuzzerTestOneInput(present.data(), present.size());
}

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::size_t below(std::size_t limit) {  // splitmix64
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return (z ^ (z >> 31)) % limit;
    }
    std::uint8_t byte() { return static_cast<std::uint8_t>(below(256)); }

  private:
    std::uint64_t state_;
};

Bytes random_input(Random& random) {
    Bytes input(random.below(300));
    for (std::uint8_t& byte : input) byte = random.byte();
    return input;
}

// One of the corpus, changed in a few places, or with a piece of another one in it.
Bytes changed_input(const std::vector<Bytes>& corpus, Random& random) {
    Bytes input = corpus[random.below(corpus.size())];
    for (std::size_t changes = 1 + random.below(4); changes > 0; --changes) {
        const std::size_t at = random.below(input.size() + 1);
        const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
        const Bytes& other = corpus[random.below(corpus.size())];
        const std::size_t from = random.below(other.size() + 1);
        const std::size_t count = std::min<std::size_t>(other.size() - from, random.below(24));
        switch (random.below(5)) {
            case 0:
                input.insert(place, random.byte());
                break;
            case 1:
                if (place != input.end()) input.erase(place);
                break;
            case 2:
                input.insert(place, other.begin() + static_cast<std::ptrdiff_t>(from),
                             other.begin() + static_cast<std::ptrdiff_t>(from + count));
                break;
            case 3:
                input.resize(at);
                break;
            default:
                if (place != input.end()) *place = random.byte();
        }
    }
    if (input.size() > 4096) input.resize(4096);
    return input;
}

Bytes contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

double number_in(const char* name, double otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::strtod(text, nullptr) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::filesystem::path> files;
    double random_count = 0;
    Random random(static_cast<std::uint64_t>(number_in("ZIO_SEED", 1)));  // targets change it
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--random") == 0 && i + 1 < argc) {
            random_count = std::strtod(argv[++i], nullptr) * number_in("ZIO_TEST_SCALE", 1);
        } else if (std::filesystem::is_directory(argv[i])) {
            for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
                files.push_back(entry.path());
            }
        } else {
            files.push_back(argv[i]);
        }
    }
    for (const int signal_number : {SIGABRT, SIGSEGV, SIGBUS}) {
        std::signal(signal_number, tell_input);
    }
    std::sort(files.begin(), files.end());
    std::vector<Bytes> corpus;
    for (const auto& path : files) {
        corpus.push_back(contents(path));
        run(corpus.back());
    }
    if (corpus.empty()) {
        tell("replay: there is no corpus\n");
        return 2;
    }
    for (double done = 0; done < random_count; ++done) {
        run(random.below(4) == 0 ? random_input(random) : changed_input(corpus, random));
    }
    std::printf("%zu inputs of the corpus, %.0f made from them\n", corpus.size(), random_count);
    return 0;
}
