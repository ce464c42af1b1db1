// One seed from beginning to end: two peers, their plan, and all laws.
#pragma once
#include <string>
#include <vector>

#include "sim/plan.hpp"

namespace esp_peer::sim {

struct Report {
  std::vector<std::string> failures;
  std::uint64_t trace_hash = 0;
  std::uint64_t steps = 0, messages = 0, bytes = 0, injected = 0;
  std::uint64_t messages_lost = 0;    // of channels that may lose some
  int closes = 0;                     // of channels
  bool connected = false;             // at least once
  Duration took{0}, connect_time{0};  // virtual
  std::string trace;                  // when asked for
};

struct RunOptions {
  bool trace = false;
  std::string pcap;  // a file to write
};

Report run(const Plan& plan, const RunOptions& options = {});

}  // namespace esp_peer::sim
