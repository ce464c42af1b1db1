#include "runner/linux/worker_thread.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>

#include "runner/linux/clock.hpp"

namespace esp_peer::linux_runner {
namespace {

std::mutex mutex;  // of all that jobs are and do
std::condition_variable turned;

// A job that counts its turns, and takes what made it readable.
class Job {
 public:
  Job() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    const std::lock_guard lock(mutex);
    living.insert(this);
  }
  ~Job() {
    WorkerThread::instance().remove(this);
    const std::lock_guard lock(mutex);  // a turn that is on is over, and one may still come
    living.erase(this);
    close(fd_);
  }
  bool add(Duration wait = seconds(3000)) {
    wait_ = wait;
    return WorkerThread::instance().add(this, fd_, [](void* self) -> std::optional<Instant> {
      const std::lock_guard lock(mutex);
      auto* const job = static_cast<Job*>(self);
      return living.count(job) ? job->work() : std::nullopt;
    });
  }
  // From now on it takes nothing, so that it is readable all the time, and is asked no more.
  void rest(bool yes) {
    const std::lock_guard lock(mutex);
    rests_ = yes;
  }
  void make_readable() const {
    const std::uint64_t one = 1;
    EXPECT_EQ(write(fd_, &one, sizeof(one)), 8);
  }
  bool reaches(int n) const {
    std::unique_lock lock(mutex);
    return turned.wait_for(lock, std::chrono::seconds(20), [&] { return turns_ >= n; });
  }
  int turns() const {
    const std::lock_guard lock(mutex);
    return turns_;
  }

 private:
  std::optional<Instant> work() {
    std::uint64_t count = 0;
    if (!rests_) static_cast<void>(!read(fd_, &count, sizeof(count)));
    ++turns_;
    turned.notify_all();
    return rests_ ? std::nullopt : std::optional(now() + wait_);
  }

  static inline std::set<Job*> living;
  const int fd_;
  Duration wait_{};
  int turns_ = 0;
  bool rests_ = false;
};

TEST(WorkerThread, lets_a_job_work_when_it_is_readable) {
  Job job;
  ASSERT_TRUE(job.add());
  EXPECT_EQ(job.turns(), 0);
  job.make_readable();
  EXPECT_TRUE(job.reaches(1));
  job.make_readable();
  EXPECT_TRUE(job.reaches(2));
}

TEST(WorkerThread, lets_a_job_work_when_it_is_due) {
  Job often, never;
  ASSERT_TRUE(often.add(milliseconds(1)));
  ASSERT_TRUE(never.add());
  often.make_readable();
  EXPECT_TRUE(often.reaches(10));
  EXPECT_EQ(never.turns(), 0);
}

TEST(WorkerThread, asks_a_job_that_rests_no_more_until_it_is_resumed) {
  Job job, other;
  job.rest(true);
  ASSERT_TRUE(job.add());
  ASSERT_TRUE(other.add());
  job.make_readable();
  ASSERT_TRUE(job.reaches(1));
  // Who is asked no more is passed over in every round in which another has its turn.
  for (int round = 1; round <= 3; ++round) {
    other.make_readable();
    ASSERT_TRUE(other.reaches(round));
  }
  EXPECT_EQ(job.turns(), 1);
  job.rest(false);
  WorkerThread::instance().resume(&job);
  EXPECT_TRUE(job.reaches(2));
  job.make_readable();
  EXPECT_TRUE(job.reaches(3));
}

TEST(WorkerThread, starts_anew_after_its_last_job) {
  for (int i = 0; i < 50; ++i) {
    Job job;
    ASSERT_TRUE(job.add());
    job.make_readable();
    ASSERT_TRUE(job.reaches(1));
  }
}

TEST(WorkerThread, forgets_what_it_does_not_know) {
  Job job;
  WorkerThread::instance().remove(&job);
  WorkerThread::instance().resume(&job);
}

}  // namespace
}  // namespace esp_peer::linux_runner
