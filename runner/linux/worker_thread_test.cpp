#include "runner/linux/worker_thread.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "runner/linux/clock.hpp"

namespace esp_peer::linux_runner {
namespace {

using namespace std::chrono_literals;

// A job that counts its turns, and takes what made it readable.
struct Job {
  Job() : fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Job() {
    WorkerThread::instance().remove(this);
    while (working) std::this_thread::yield();
    close(fd);
  }
  bool add() {
    return WorkerThread::instance().add(this, fd,
                                        [](void* self) { return static_cast<Job*>(self)->work(); });
  }
  std::optional<Instant> work() {
    working = true;
    std::uint64_t count = 0;
    if (takes) static_cast<void>(!read(fd, &count, sizeof(count)));
    ++turns;
    const auto result = rests ? std::nullopt : std::optional(now() + wait);
    working = false;
    return result;
  }
  void make_readable() const {
    const std::uint64_t one = 1;
    EXPECT_EQ(write(fd, &one, sizeof(one)), 8);
  }
  bool reaches(int n) const {
    for (int i = 0; i < 20'000 && turns < n; ++i) std::this_thread::sleep_for(1ms);
    return turns >= n;
  }

  const int fd;
  std::atomic<int> turns = 0;
  std::atomic<bool> takes = true, rests = false, working = false;
  Duration wait = seconds(3000);
};

TEST(WorkerThread, lets_a_job_work_when_it_is_readable) {
  Job job;
  ASSERT_TRUE(job.add());
  EXPECT_EQ(job.turns, 0);
  job.make_readable();
  EXPECT_TRUE(job.reaches(1));
  job.make_readable();
  EXPECT_TRUE(job.reaches(2));
}

TEST(WorkerThread, lets_a_job_work_when_it_is_due) {
  Job often, never;
  often.wait = milliseconds(1);
  ASSERT_TRUE(often.add());
  ASSERT_TRUE(never.add());
  often.make_readable();
  EXPECT_TRUE(often.reaches(10));
  EXPECT_EQ(never.turns, 0);
}

TEST(WorkerThread, asks_a_job_that_rests_no_more_until_it_is_resumed) {
  Job job, other;
  job.takes = false;  // readable all the time
  job.rests = true;
  ASSERT_TRUE(job.add());
  ASSERT_TRUE(other.add());
  job.make_readable();
  ASSERT_TRUE(job.reaches(1));
  other.make_readable();
  ASSERT_TRUE(other.reaches(1));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(job.turns, 1);
  job.rests = false;
  job.takes = true;
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
