#include "runner/linux/resolver.hpp"

#include <netdb.h>

#include <deque>
#include <mutex>
#include <thread>

#include "runner/linux/socket_address.hpp"

namespace esp_peer::linux_runner {
namespace {

std::vector<Address> look_up(const std::string& name, bool ipv6) {
  addrinfo hints{};
  hints.ai_family = ipv6 ? AF_UNSPEC : AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* list = nullptr;
  std::vector<Address> addresses;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &list) != 0) return addresses;
  for (const addrinfo* at = list; at; at = at->ai_next) {
    if (const auto address = from_socket_address(at->ai_addr)) addresses.push_back(*address);
  }
  freeaddrinfo(list);
  return addresses;
}

}  // namespace

struct Resolver::State {
  struct Job {
    std::string name;
    bool ipv6;
    Done done;
  };
  std::mutex mutex;
  std::deque<Job> jobs;  // at most max_queue
  bool running = false, abandoned = false;
};

Resolver::Resolver() : state_(std::make_shared<State>()) {}

Resolver::~Resolver() {
  const std::lock_guard lock(state_->mutex);
  state_->abandoned = true;
  state_->jobs.clear();
}

void Resolver::resolve(std::string name, bool ipv6, Done done) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->jobs.size() < max_queue) {
      state_->jobs.push_back({std::move(name), ipv6, std::move(done)});
      if (state_->running) return;
      state_->running = true;
    }
  }
  if (done) return done({});  // not taken: the queue is full
  // Detached: a look-up cannot be interrupted, and nobody should wait for it to close a peer. It
  // ends with its queue.
  std::thread(run, state_).detach();
}

void Resolver::run(const std::shared_ptr<State>& state) {
  for (;;) {
    State::Job job;
    {
      const std::lock_guard lock(state->mutex);
      if (state->jobs.empty()) {
        state->running = false;
        return;
      }
      job = std::move(state->jobs.front());
      state->jobs.pop_front();
    }
    auto addresses = look_up(job.name, job.ipv6);
    const std::lock_guard lock(state->mutex);
    if (!state->abandoned) job.done(std::move(addresses));
  }
}

}  // namespace esp_peer::linux_runner
