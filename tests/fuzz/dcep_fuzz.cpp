// Data channels under a script: a peer that says any DCEP and any message on any stream over a
// correct association, while we open, send, close, read slowly and end. Whatever comes: a channel
// opens once before its messages and closes once after them, and memory stays bounded.
#include <cstdint>
#include <map>

#include "tests/fuzz/fuzz_parts.hpp"
#include "tests/support/channel_pair.hpp"

namespace {

using namespace esp_peer;
using fuzz::require;
using test::ChannelPair;

constexpr sctp::Ppid ppids[] = {datachannel::ppid::dcep,         datachannel::ppid::dcep,
                                datachannel::ppid::string,       datachannel::ppid::binary,
                                datachannel::ppid::string_empty, datachannel::ppid::binary_empty,
                                datachannel::ppid::string_part,  sctp::Ppid{7}};

// Both names at their largest fit into one association of these.
test::PairOptions small_pair() {
  test::PairOptions o;
  o.sctp_left.send_buffer = 200'000;
  o.sctp_right.receive_window = 200'000;
  o.sctp_right.send_buffer = 4000;
  o.right.max_channels = 8;
  return o;
}

class Script {
 public:
  explicit Script(Bytes bytes) : in_(bytes), pair_(1, small_pair()) {
    pair_.client.bare = true;
    require(pair_.connect());
  }

  void run() {
    while (in_.remaining() > 0) {
      step();
      check();
    }
    pair_.server.reads = true;
    pair_.run_for(seconds(5));
    check();
  }

 private:
  std::string_view text(std::size_t n) { return as_text(in_.bytes(std::min(n, in_.remaining()))); }
  std::string_view label() { return labels[in_.u8() % std::size(labels)]; }

  void step() {
    auto& server = pair_.server;
    switch (in_.u8() % 9) {
      case 0: {  // the peer says whatever it is
        const auto id = in_.u8(), how = in_.u8();
        static_cast<void>(pair_.say(pair_.client, id, ppids[how % 8], text(in_.u8()), how & 0x80));
        break;
      }
      case 1: {  // the peer opens as it should, perhaps with long names
        const auto id = in_.u8();
        const std::string long_label(in_.u16(), 'l');
        std::vector<std::byte> room(70'000);
        const auto n = datachannel::write_open({.ordered = id < 100, .label = long_label}, room);
        static_cast<void>(
            pair_.say(pair_.client, id * 2u, ppids[0], as_text(Bytes(room).first(n))));
        break;
      }
      case 2: {
        const bool ordered = in_.u8() % 2 == 0;
        static_cast<void>(server.channels.open(pair_.now, {.label = label(), .ordered = ordered}));
        break;
      }
      case 3:
        static_cast<void>(server.channels.close(pair_.now, label()));
        break;
      case 4: {
        const auto id = in_.u8();
        static_cast<void>(pair_.send(server, test::stream(id), text(in_.u8())));
        break;
      }
      case 5:
        server.reads = !server.reads;
        break;
      case 6:
        server.channels.end(pair_.now);
        break;
      case 7: {  // the peer answers
        const auto id = in_.u8();
        static_cast<void>(pair_.say(pair_.client, id * 2u + 1, ppids[0], "\x02"));
        break;
      }
      default:
        pair_.run_for(milliseconds(in_.u8()));
    }
  }

  void check() {
    auto& server = pair_.server;
    for (; seen_ < server.log.size(); ++seen_) {
      const std::string_view entry = server.log[seen_];
      const auto id = std::stoi(server.log[seen_].substr(entry.find(' ')));
      bool& open = open_[id];
      // What was asked for and never opened is told to be closed, too.
      require(open != entry.starts_with("opened") || entry.starts_with("closed"));
      if (!entry.starts_with("message")) open = entry.starts_with("opened");
    }
    require(server.channels.size() <= 8);
    require(server.world.memory.live < 1'000'000);
    const auto first = server.channels.first_open();
    require(!first || server.channels.is_open(*first));
    server.drops.clear();
  }

  static constexpr std::string_view labels[] = {"", "a", "b", "llllllllll"};
  Reader in_;
  ChannelPair pair_;
  std::map<int, bool> open_;  // as the events told it
  std::size_t seen_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  if (const auto open = datachannel::parse_open(bytes)) {
    std::vector<std::byte> room(size);
    require(datachannel::write_open(*open, room) == size);
    const auto again = datachannel::parse_open(room);
    require(again && again->label == open->label && again->protocol == open->protocol);
    require(again->ordered == open->ordered && again->reliability == open->reliability);
  }
  if (size <= 4096) Script(bytes).run();
  return 0;
}
