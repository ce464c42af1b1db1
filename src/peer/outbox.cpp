#include "peer/outbox.hpp"

namespace esp_peer::peer {
namespace {

template <class T>
std::optional<T> take(Deque<T>& queue) {
  if (queue.empty()) return std::nullopt;
  const std::optional<T> first = queue.front();
  queue.pop_front();
  return first;
}

}  // namespace

void Outbox::say(const Event& event) { lost_ = !events_.push_back(event) || lost_; }
bool Outbox::request(const Request& request) { return requests_.push_back(request); }
std::optional<Event> Outbox::poll_event() { return take(events_); }
std::optional<Request> Outbox::poll_request() { return take(requests_); }

}  // namespace esp_peer::peer
