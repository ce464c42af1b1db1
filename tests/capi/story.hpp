// What one peer tells of its states and channels, held to the law of the simulator: the tables of
// peer/states.hpp.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sim/state_law.hpp"

namespace esp_peer::test {

class Story {
 public:
  Story() { told_.reserve(window); }

  void hear_state(peer::State state) {
    const std::lock_guard lock(mutex_);
    if (over_ && state != peer::State::new_connection) {
      complain(std::string(sim::name_of(state)) + " behind CLOSED");
    }
    if (over_) {  // another handle, with the same ctx
      settle(told_.size());
      law_ = {};
    }
    // A handle that has not been used says CLOSED alone.
    const bool unused = told_.empty() && law_.attempts() == 0;
    over_ = state == peer::State::closed;
    if (!over_ || !unused) hear(peer::StateChanged{state});
  }
  void hear_channel(bool open, std::uint16_t stream) {
    const std::lock_guard lock(mutex_);
    if (over_) complain("a channel behind CLOSED");
    open ? hear(peer::ChannelOpened{sctp::StreamId{stream}})
         : hear(peer::ChannelClosed{sctp::StreamId{stream}});
  }
  // What was told is all that was to be told yet: no call overlaps the loop.
  void catch_up() {
    const std::lock_guard lock(mutex_);
    settle(told_.size());
  }
  // No more is told.
  void end() {
    catch_up();
    EXPECT_TRUE(over_ || law_.attempts() == 0) << "no CLOSED";
  }

 private:
  // Its storage is taken once: tests that measure the heap see none of it.
  static constexpr std::size_t window = 256;
  struct Told {
    peer::Event event;
    std::thread::id by;
  };
  using All = std::vector<Told>;

  void hear(const peer::Event& event) {
    if (told_.size() == window) settle(window / 2);
    told_.push_back({event, std::this_thread::get_id()});
  }

  struct Wrong {
    std::size_t at;
    std::string why;
  };
  std::optional<Wrong> first_wrong(const All& all, std::size_t count) const {
    sim::StateLaw law = law_;
    for (std::size_t i = 0; i < count; ++i) {
      if (auto why = law.hear(all[i].event)) return Wrong{i, std::move(*why)};
    }
    return std::nullopt;
  }

  // What a call tells from its own thread may overlap one callback of the loop: either is heard
  // behind what it was to come before. So much is allowed, and looked for where the order is wrong.
  static bool put_before(All& all, std::size_t to, std::size_t late) {
    if (late >= all.size() || to >= late || all[to].by == all[late].by) return false;
    const auto at = [&](std::size_t i) { return all.begin() + static_cast<std::ptrdiff_t>(i); };
    std::rotate(at(to), at(late), at(late + 1));
    return true;
  }
  bool in_order(All& all, std::size_t count, int overlaps) const {
    const auto wrong = first_wrong(all, count);
    if (!wrong) return true;
    if (overlaps == 0) return false;
    std::size_t run = wrong->at;  // of the other thread, in front of it
    while (run > 0 && all[run - 1].by == all[wrong->at - 1].by) --run;
    std::size_t next = wrong->at + 1;  // of the other thread, behind it
    while (next < all.size() && all[next].by == all[wrong->at].by) ++next;
    for (const auto& [to, late] : {std::pair(run, wrong->at), std::pair(wrong->at, next)}) {
      All other = all;
      if (put_before(other, to, late) && in_order(other, count, overlaps - 1)) {
        all = std::move(other);
        return true;
      }
    }
    return false;
  }

  // The first `count` of what was told are right, and are forgotten.
  void settle(std::size_t count) {
    constexpr int most_overlaps = 4;
    All all = told_;
    if (!in_order(all, count, most_overlaps)) complain(first_wrong(told_, count)->why);
    for (std::size_t i = 0; i < count; ++i) static_cast<void>(law_.hear(all[i].event));
    told_.assign(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
  }
  void complain(const std::string& why) const {
    std::string story;
    for (const Told& told : told_) {
      const auto* changed = std::get_if<peer::StateChanged>(&told.event);
      const bool opened = std::holds_alternative<peer::ChannelOpened>(told.event);
      story += told.by == told_.front().by ? " " : " *";  // of another thread than the first
      story += changed  ? sim::name_of(changed->state)
               : opened ? "(channel open)"
                        : "(channel closed)";
    }
    ADD_FAILURE() << why << ", in:" << story;
  }

  std::mutex mutex_;
  sim::StateLaw law_;  // has heard what is no longer in told_
  All told_;
  bool over_ = false;
};

}  // namespace esp_peer::test
