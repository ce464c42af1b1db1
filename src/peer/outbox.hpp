// Where what a session says, to its application and to its runner, waits until it is fetched.
#pragma once
#include <optional>
#include <utility>

#include "base/containers.hpp"
#include "peer/session_types.hpp"

namespace esp_peer::peer {

// Both queues are drained after every input; until then they hold a few entries for the connection
// and two for each of its channels.
class Outbox {
 public:
  explicit Outbox(Memory& memory) : events_(memory), requests_(memory) {}

  void say(const Event& event);
  [[nodiscard]] bool request(const Request& request);

  std::optional<Event> poll_event();
  // Memory had no room for an event since the last call.
  bool take_loss() { return std::exchange(lost_, false); }
  std::optional<Request> poll_request();

 private:
  Deque<Event> events_;
  Deque<Request> requests_;
  bool lost_ = false;
};

}  // namespace esp_peer::peer
