#include "runner/linux/resolver.hpp"

#include <netdb.h>
#include <pthread.h>

#include <deque>
#include <mutex>

#include "runner/linux/socket_address.hpp"

namespace esp_peer::linux_runner {

struct Resolver::State {
  std::mutex mutex;
  std::size_t waiting = 0;  // names of ours that have no answer yet; at most max_queue
  bool abandoned = false;

  bool admit() {
    const std::lock_guard lock(mutex);
    if (waiting == max_queue) return false;
    ++waiting;
    return true;
  }
  void dismiss() {
    const std::lock_guard lock(mutex);
    --waiting;
  }
};

namespace {

constexpr int max_workers = 4;  // of the process: a look-up may hang for half a minute

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

// The threads of all resolvers. They end when there is nothing to do, and nobody waits for them.
class Resolver::Workers {
 public:
  struct Job {
    std::shared_ptr<State> owner;
    std::string name;
    bool ipv6;
    Done done;
  };

  // Never destroyed: a thread may still hang in a look-up when the process ends.
  static Workers& instance() {
    static auto* workers = new Workers;
    return *workers;
  }

  // False when no thread can be had; the job is as before.
  bool take(Job& job) {
    const std::lock_guard lock(mutex_);
    if (count_ < max_workers && start()) ++count_;
    if (count_ == 0) return false;
    jobs_.push_back(std::move(job));
    return true;
  }

 private:
  bool start() {
    pthread_t thread;
    const auto run = [](void*) -> void* {
      instance().work();
      return nullptr;
    };
    if (pthread_create(&thread, nullptr, run, nullptr) != 0) return false;
    pthread_detach(thread);
    return true;
  }
  void work() {
    std::unique_lock lock(mutex_);
    while (!jobs_.empty()) {
      const Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      answer(job);
      lock.lock();
    }
    --count_;
  }
  static void answer(const Job& job) {
    {
      const std::lock_guard lock(job.owner->mutex);
      if (job.owner->abandoned) return;
    }
    auto addresses = look_up(job.name, job.ipv6);
    const std::lock_guard lock(job.owner->mutex);
    --job.owner->waiting;
    if (!job.owner->abandoned) job.done(std::move(addresses));
  }

  std::mutex mutex_;
  std::deque<Job> jobs_;  // at most max_queue of each resolver
  int count_ = 0;
};

Resolver::Resolver() : state_(std::make_shared<State>()) {}

Resolver::~Resolver() {
  const std::lock_guard lock(state_->mutex);
  state_->abandoned = true;
}

void Resolver::resolve(std::string name, bool ipv6, Done done) {
  if (const auto literal = parse_ip(name, 0)) return done({*literal});
  if (!state_->admit()) return done({});
  Workers::Job job{state_, std::move(name), ipv6, std::move(done)};
  if (Workers::instance().take(job)) return;
  state_->dismiss();
  job.done({});
}

}  // namespace esp_peer::linux_runner
