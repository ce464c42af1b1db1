// One thread of ours for any number of jobs. A job is a descriptor that becomes readable and a time
// at which it wants to work; the thread sleeps in between, and ends with the last job.
#pragma once
#include <pthread.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "base/time.hpp"

namespace esp_peer::linux_runner {

class WorkerThread {
 public:
  // Does what there is to do for a job, and says when it wants to work again at the latest:
  // Instant::max() = when its descriptor is readable; nothing = not before resume(). Called in the
  // thread without a lock, also once more when the job has just been removed.
  using Work = std::optional<Instant> (*)(void* job);

  // The one of the process, which is never destroyed. It stops before the libraries that were in
  // use when it first started are taken down at exit; a child of fork() has none until it adds a
  // job of its own.
  static WorkerThread& instance();

  // False when the system has no thread or no descriptors left.
  bool add(void* job, int fd, Work work);
  // Before its descriptor is closed. Harmless for one that is not there.
  void remove(void* job);
  void resume(void* job);

 private:
  struct Job {
    int fd;
    Work work;
    Instant due;
  };
  using Lock = std::unique_lock<std::mutex>;

  WorkerThread();
  bool start();
  void run();
  void work_on(Lock& lock, void* job);
  void wait(Lock& lock);
  void set_due(void* job, Job& entry, Instant due);
  void listen(void* job, const Job& entry);
  void close_descriptors();
  void stop_at_exit();
  void wake() const;

  std::mutex mutex_;
  std::condition_variable ended_;
  std::map<void*, Job> jobs_;                // as many as there are peers
  std::set<std::pair<Instant, void*>> due_;  // of those that have a time, earliest first
  int epoll_ = -1, event_ = -1;              // while there is a thread
  pthread_t thread_{};
  bool running_ = false, joinable_ = false, exiting_ = false;
};

}  // namespace esp_peer::linux_runner
