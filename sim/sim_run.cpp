// Plays seeds: sim_run --seed S [--count N] [--trace] [--pcap FILE] [--twice]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sim/run.hpp"

namespace {

using namespace esp_peer;
using namespace esp_peer::sim;

int usage() {
  std::fputs("usage: sim_run --seed S [--count N] [--trace] [--pcap FILE] [--twice]\n", stderr);
  return 2;
}

// 0 when all laws held.
int play(std::uint64_t seed, const RunOptions& options, bool twice) {
  const Plan plan = draw_plan(seed);
  const Report report = run(plan, options);
  std::fputs(report.trace.c_str(), stdout);
  std::printf(
      "%s\n  %s after %.3f s; %llu messages, %llu bytes, %llu steps, %.1f virtual s, "
      "trace %016llx\n",
      plan.text().c_str(), report.connected ? "open" : "never open",
      static_cast<double>(report.connect_time.count()) / 1e6,
      static_cast<unsigned long long>(report.messages),
      static_cast<unsigned long long>(report.bytes), static_cast<unsigned long long>(report.steps),
      static_cast<double>(report.took.count()) / 1e6,
      static_cast<unsigned long long>(report.trace_hash));
  for (const std::string& failure : report.failures) std::printf("  BROKEN %s\n", failure.c_str());
  bool good = report.failures.empty();
  if (twice && run(plan).trace_hash != report.trace_hash) {
    std::printf("  BROKEN the second time was another\n");
    good = false;
  }
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 0, count = 1;
  bool twice = false;
  RunOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--trace") {
      options.trace = true;
    } else if (option == "--twice") {
      twice = true;
    } else if (i + 1 == argc) {
      return usage();
    } else if (option == "--seed") {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (option == "--count") {
      count = std::strtoull(argv[++i], nullptr, 10);
    } else if (option == "--pcap") {
      options.pcap = argv[++i];
    } else {
      return usage();
    }
  }
  int broken = 0;
  for (std::uint64_t s = seed; s < seed + count; ++s) broken += play(s, options, twice);
  if (count > 1) std::printf("%d of %llu broken\n", broken, static_cast<unsigned long long>(count));
  return broken == 0 ? 0 : 1;
}
