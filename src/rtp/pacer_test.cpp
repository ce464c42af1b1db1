// Packets leave at a pace that follows what the application sends.
#include "rtp/pacer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/test_env.hpp"

namespace esp_peer::rtp {
namespace {

using test::at_ms;

// A camera, and whoever sends when the pacer says so. Once a millisecond, as loops do, or as seldom
// as a program that sleeps beside its loop.
struct Camera {
  explicit Camera(std::int64_t sleeps_for = 1) : turn(sleeps_for) {}
  const std::int64_t turn;
  Pacer pacer;
  std::size_t queued = 0, most_queued = 0, most_in_5_ms = 0, sent_in_5_ms = 0, most_at_once = 0;
  std::int64_t ms = 0;

  void give(std::size_t size) {
    queued += size;
    pacer.on_frame(at_ms(ms), size, queued);
    send();  // as esp_peer_send_video() does
  }
  void send() {
    const std::size_t before = queued;
    while (queued > 0 && pacer.may_send(at_ms(ms))) {
      const std::size_t size = std::min<std::size_t>(queued, 1200);
      queued -= size;
      sent_in_5_ms += size;
      pacer.on_sent(at_ms(ms), size);
    }
    most_in_5_ms = std::max(most_in_5_ms, sent_in_5_ms);
    most_at_once = std::max(most_at_once, before - queued);
  }
  void pass(std::int64_t time) {
    for (const std::int64_t end = ms + time; ms < end; ++ms) {
      if (ms % 5 == 0) sent_in_5_ms = 0;
      if (ms % turn == 0) send();
      most_queued = std::max(most_queued, queued);
    }
  }
};

TEST(Pacer, a_small_frame_leaves_at_once) {
  Camera camera;
  camera.give(10'000);
  camera.pass(1);
  EXPECT_EQ(camera.queued, 0u);
}

TEST(Pacer, a_keyframe_of_a_megabyte_takes_its_time_but_not_for_ever) {
  Camera camera;
  camera.give(1'000'000);
  camera.pass(100);
  EXPECT_GT(camera.queued, 600'000u);
  EXPECT_LE(camera.most_in_5_ms, 2 * 5 * 2'600u);
  camera.pass(400);
  EXPECT_EQ(camera.queued, 0u);
}

TEST(Pacer, frames_leave_before_the_next_one_comes_whatever_they_weigh) {
  for (const std::size_t size : {3'000u, 30'000u, 300'000u}) {
    Camera camera;
    for (int frame = 0; frame < 60; ++frame) {
      camera.give(size);
      camera.pass(33);
      if (frame > 40) {
        EXPECT_EQ(camera.queued, 0u) << size << " " << frame;
      }
    }
    // Spread all the same.
    EXPECT_LE(camera.most_in_5_ms, std::max<std::size_t>(Pacer::burst + 2'400, size)) << size;
  }
}

TEST(Pacer, a_program_that_sleeps_beside_its_loop_keeps_the_pace) {
  for (const std::int64_t sleep : {10, 20}) {
    for (const std::size_t size : {3'000u, 30'000u, 60'000u, 300'000u}) {
      Camera camera(sleep);
      for (int frame = 0; frame < 200; ++frame) {
        camera.give(size);
        camera.pass(33);
        if (frame < 100) continue;
        // Some of the last one may wait for the next turn.
        EXPECT_LT(camera.queued, size) << sleep << " " << size << " " << frame;
      }
      EXPECT_LE(camera.most_at_once, std::max<std::size_t>(Pacer::most_at_once + 1'200, size))
          << sleep << " " << size;
    }
  }
}

TEST(Pacer, a_silence_earns_no_more_than_a_burst) {
  Camera camera;
  camera.give(1'000);
  camera.pass(10'000);
  camera.give(100'000);
  camera.pass(1);
  EXPECT_GE(camera.queued, 100'000u - Pacer::burst - 2'400u);
}

}  // namespace
}  // namespace esp_peer::rtp
