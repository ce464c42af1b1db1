#include "runner/linux/worker_thread.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "runner/linux/clock.hpp"

namespace esp_peer::linux_runner {
namespace {

constexpr Duration longest_wait = seconds(3600);
constexpr auto patience_at_exit = std::chrono::seconds(2);  // a job may hang in its application

// A thread that the application did not make takes none of its signals.
class WithoutSignals {
 public:
  WithoutSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~WithoutSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

WorkerThread& WorkerThread::instance() {
  static auto* const thread = new WorkerThread;
  return *thread;
}

WorkerThread::WorkerThread() {
  std::atexit([] { instance().stop_at_exit(); });
  // The child has our memory and not our thread: it begins with nothing.
  pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                 [] {
                   WorkerThread& self = instance();
                   self.jobs_.clear();
                   self.due_.clear();
                   self.close_descriptors();
                   self.running_ = self.joinable_ = false;
                   self.mutex_.unlock();
                 });
}

bool WorkerThread::add(void* job, int fd, Work work) {
  const Lock lock(mutex_);
  if (exiting_ || (!running_ && !start())) return false;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.ptr = job;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    if (jobs_.empty()) wake();  // it was started for nothing
    return false;
  }
  jobs_[job] = {fd, work, Instant::max()};
  return true;
}

void WorkerThread::remove(void* job) {
  const Lock lock(mutex_);
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, found->second.fd, nullptr);
  due_.erase({found->second.due, job});
  jobs_.erase(found);
  if (jobs_.empty()) wake();
}

void WorkerThread::resume(void* job) {
  const Lock lock(mutex_);
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return;
  set_due(job, found->second, Instant::min());
  wake();
}

bool WorkerThread::start() {
  if (std::exchange(joinable_, false)) pthread_join(thread_, nullptr);  // it has nothing left to do
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  const WithoutSignals without_signals;
  running_ = joinable_ = epoll_ >= 0 && event_ >= 0 &&
                         epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &event) == 0 &&
                         pthread_create(
                             &thread_, nullptr,
                             [](void* self) -> void* {
                               pthread_setname_np(pthread_self(), "esp_peer");
                               static_cast<WorkerThread*>(self)->run();
                               return nullptr;
                             },
                             this) == 0;
  if (!running_) close_descriptors();
  return running_;
}

// Of the jobs that are due each has its turn before any has a second one.
void WorkerThread::run() {
  Lock lock(mutex_);
  while (!jobs_.empty() && !exiting_) {
    wait(lock);
    const Instant now = linux_runner::now();
    std::vector<void*> turn;
    for (auto next = due_.begin(); next != due_.end() && next->first <= now; ++next) {
      turn.push_back(next->second);
    }
    for (void* const job : turn) work_on(lock, job);
  }
  close_descriptors();
  running_ = false;
  ended_.notify_all();
}

void WorkerThread::wait(Lock& lock) {
  const Instant until = due_.empty() ? Instant::max() : due_.begin()->first;
  const Instant now = linux_runner::now();
  const Duration left =
      until <= now ? Duration(0) : std::min(until - now, longest_wait);  // max() is far from now
  std::array<epoll_event, 64> events;
  lock.unlock();
  const timespec timeout{left.count() / 1'000'000, left.count() % 1'000'000 * 1000};
  int n = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  if (n < 0 && errno != EINTR) {  // as in Waiter: an old kernel, or a sandbox
    n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                   static_cast<int>((left.count() + 999) / 1000));
  }
  lock.lock();
  for (int i = 0; i < n; ++i) {
    void* const job = events[static_cast<std::size_t>(i)].data.ptr;
    if (job) {
      work_on(lock, job);
      continue;
    }
    std::uint64_t count = 0;
    static_cast<void>(!read(event_, &count, sizeof(count)));
  }
}

void WorkerThread::work_on(Lock& lock, void* job) {
  auto found = jobs_.find(job);
  if (found == jobs_.end() || exiting_) return;
  set_due(job, found->second, Instant::max());
  const Work work = found->second.work;
  lock.unlock();
  const auto next = work(job);
  lock.lock();
  found = jobs_.find(job);
  if (found == jobs_.end() || !next) return;
  // What was asked for meanwhile stands.
  set_due(job, found->second, std::min(*next, found->second.due));
  listen(job, found->second);
}

void WorkerThread::set_due(void* job, Job& entry, Instant due) {
  due_.erase({entry.due, job});
  entry.due = due;
  if (due != Instant::max()) due_.emplace(due, job);
}

void WorkerThread::listen(void* job, const Job& entry) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.ptr = job;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, entry.fd, &event);
}

void WorkerThread::close_descriptors() {
  if (epoll_ >= 0) close(epoll_);
  if (event_ >= 0) close(event_);
  epoll_ = event_ = -1;
}

void WorkerThread::stop_at_exit() {
  Lock lock(mutex_);
  exiting_ = true;
  if (running_ && !pthread_equal(thread_, pthread_self())) {
    wake();
    ended_.wait_for(lock, patience_at_exit, [this] { return !running_; });
  }
  if (running_ || !std::exchange(joinable_, false)) return;
  lock.unlock();
  pthread_join(thread_, nullptr);
}

void WorkerThread::wake() const {
  const std::uint64_t one = 1;
  static_cast<void>(!write(event_, &one, sizeof(one)));
}

}  // namespace esp_peer::linux_runner
