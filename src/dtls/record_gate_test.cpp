// What a stranger can write to us, and what of it a DTLS library gets to see.
#include "dtls/record_gate.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/test_env.hpp"

namespace esp_peer::dtls {
namespace {

using test::at_ms;
using Octets = std::vector<std::byte>;

Octets octets(std::initializer_list<int> values) {
  Octets out;
  for (const int v : values) out.push_back(static_cast<std::byte>(v));
  return out;
}
Octets joined(std::initializer_list<Octets> parts) {
  Octets out;
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}
Octets record(int type, int epoch, const Octets& body, int version = 0xFEFD) {
  Octets out = octets({type, version >> 8, version & 0xFF, 0, epoch, 0, 0, 0, 0, 0, 0,
                       static_cast<int>(body.size() >> 8), static_cast<int>(body.size() & 0xFF)});
  out.insert(out.end(), body.begin(), body.end());
  return out;
}
struct Fragment {
  int type = 1, length = 40, offset = 0, size = 40;
};
Octets message(const Fragment& f) {
  Octets out = octets({f.type, f.length >> 16, f.length >> 8 & 0xFF, f.length & 0xFF, 0, 0,
                       f.offset >> 16, f.offset >> 8 & 0xFF, f.offset & 0xFF, f.size >> 16,
                       f.size >> 8 & 0xFF, f.size & 0xFF});
  out.resize(out.size() + static_cast<std::size_t>(std::min(f.size, 3000)));
  return out;
}
const Octets change_cipher_spec = record(20, 0, octets({1}));
const Octets encrypted = record(23, 1, Octets(40));

struct Gate {
  explicit Gate(Role role = Role::server)
      : env{memory, random, Tracer(&count_drop, this)}, gate(role, env) {}
  std::vector<Octets> seen_of(const Octets& datagram) {
    std::vector<Octets> seen;
    Octets passing = datagram;
    gate.on_datagram(at_ms(0), passing);
    for (Bytes r = gate.read_record(at_ms(0)); !r.empty(); r = gate.read_record(at_ms(0))) {
      seen.emplace_back(r.begin(), r.end());
      if (seen.back()[4] == std::byte{0}) seen.back()[10] = std::byte{0};  // numbered by the gate
    }
    EXPECT_FALSE(gate.has_more());
    return seen;
  }
  bool shows(const Octets& datagram) { return !seen_of(datagram).empty(); }

  test::CountingMemory memory;
  test::SeededRandom random{1};
  Env env;
  RecordGate gate;
  int drops = 0;

 private:
  static void count_drop(void* self, Instant, std::string_view name, const void*) {
    if (name == PacketDropped::kName) ++static_cast<Gate*>(self)->drops;
  }
};

TEST(RecordGate, shows_the_records_of_a_datagram_one_by_one) {
  Gate g;
  const Octets hello = record(22, 0, message({}), 0xFEFF), key = record(22, 0, message({16}));
  EXPECT_EQ(g.seen_of(joined({hello, key, change_cipher_spec})),
            (std::vector<Octets>{hello, key, change_cipher_spec}));
  EXPECT_EQ(g.drops, 0);
}

TEST(RecordGate, stops_at_a_record_that_ends_outside_its_datagram) {
  Gate g;
  const Octets whole = joined({change_cipher_spec, record(22, 0, message({}))});
  for (std::size_t cut = change_cipher_spec.size() + 1; cut < whole.size(); ++cut) {
    EXPECT_EQ(g.seen_of(Octets(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut))),
              std::vector<Octets>{change_cipher_spec});
  }
}

// covers: bug 9, must rfc6347#4.1
TEST(RecordGate, drops_types_versions_and_epochs_that_nobody_sends) {
  Gate g;
  g.gate.close_epoch_0();
  for (int type = 0; type < 256; ++type) {
    EXPECT_EQ(g.shows(record(type, 1, Octets(40))), type >= 20 && type <= 23) << type;
  }
  EXPECT_FALSE(g.shows(record(23, 1, Octets(40), 0x0303)));
  EXPECT_FALSE(g.shows(record(23, 1, Octets(40), 0xFEFC)));
  EXPECT_FALSE(g.shows(record(23, 2, Octets(40))));
  EXPECT_FALSE(g.shows(record(23, 255, Octets(40))));
}

// covers: bug 11, must rfc6347#4.2.8
TEST(RecordGate, believes_nothing_in_the_clear_after_the_handshake) {
  Gate g;
  const Octets hello = record(22, 0, message({})), alert = record(21, 0, octets({2, 40}));
  EXPECT_TRUE(g.shows(hello) && g.shows(alert));
  g.gate.close_epoch_0();
  EXPECT_FALSE(g.shows(hello) || g.shows(alert) || g.shows(change_cipher_spec));
  EXPECT_TRUE(g.shows(encrypted));
  EXPECT_EQ(g.drops, 3);
}

TEST(RecordGate, shows_of_the_alerts_in_the_clear_the_ones_that_end_a_handshake) {
  Gate g;
  EXPECT_TRUE(g.shows(record(21, 0, octets({2, 42}))));
  EXPECT_TRUE(g.shows(record(21, 0, octets({1, 0}))));
  for (const Octets& body :
       {octets({}), octets({2}), octets({2, 40, 0}), octets({1, 90}), octets({0, 0}), Octets(16)}) {
    EXPECT_FALSE(g.shows(record(21, 0, body)));
  }
  EXPECT_FALSE(g.shows(record(23, 0, Octets(40)))) << "data in the clear";
  EXPECT_FALSE(g.shows(record(20, 0, octets({2}))) || g.shows(record(20, 0, octets({1, 1}))));
}

// covers: bug 6, bug 8
TEST(RecordGate, shows_fragments_inside_their_message_only) {
  Gate g;
  EXPECT_TRUE(g.shows(record(22, 0, message({.length = 100, .offset = 60, .size = 40}))));
  EXPECT_TRUE(g.shows(record(22, 0, message({.length = 0, .size = 0})))) << "an empty message";
  for (const Fragment& bad :
       {Fragment{.length = 100, .offset = 61, .size = 40}, Fragment{.length = 39, .size = 40},
        Fragment{.length = 100, .offset = 0xFFFFFF, .size = 40},
        Fragment{.length = 0xFFFFFF, .size = 40}, Fragment{.length = 16 * 1024 + 1, .size = 40},
        Fragment{.length = 100, .size = 0}, Fragment{.length = 100, .offset = 50, .size = 0},
        Fragment{.length = 100, .offset = 100, .size = 0},
        Fragment{.length = 5000, .size = 4000}}) {
    EXPECT_FALSE(g.shows(record(22, 0, message(bad)))) << bad.length << " " << bad.offset;
  }
  Octets short_header = message({});
  short_header.resize(11);
  EXPECT_FALSE(g.shows(record(22, 0, short_header)) || g.shows(record(22, 0, {})));
  const Octets two = joined({message({16}), message({15})});
  EXPECT_TRUE(g.shows(record(22, 0, two)));
  EXPECT_FALSE(g.shows(record(22, 0, joined({two, octets({1})}))));
}

TEST(RecordGate, knows_which_messages_are_the_peers_to_send) {
  const auto of = [](Role role) {
    std::vector<int> seen;
    Gate g(role);
    for (int type = 0; type < 256; ++type) {
      if (g.shows(record(22, 0, message({type})))) seen.push_back(type);
    }
    return seen;
  };
  EXPECT_EQ(of(Role::server), (std::vector<int>{1, 11, 15, 16}));
  EXPECT_EQ(of(Role::client), (std::vector<int>{2, 3, 11, 12, 13, 14}));
}

TEST(RecordGate, keeps_what_overtook_its_keys_until_they_are_there) {
  Gate g;
  const Octets finished = record(22, 1, Octets(40)), data = record(23, 1, Octets(30));
  EXPECT_FALSE(g.shows(data) || g.shows(finished));
  Octets next = joined({change_cipher_spec, encrypted});
  g.gate.on_datagram(at_ms(0), next);
  EXPECT_TRUE(equal(g.gate.read_record(at_ms(0)), change_cipher_spec));
  g.gate.open_epoch_1(24);
  EXPECT_TRUE(g.gate.has_more());
  EXPECT_TRUE(equal(g.gate.read_record(at_ms(0)), finished));
  EXPECT_TRUE(g.gate.read_record(at_ms(0)).empty()) << "data waits for the end of the handshake";
  g.gate.close_epoch_0();
  EXPECT_EQ(g.seen_of({}), (std::vector<Octets>{data, encrypted}));
}

TEST(RecordGate, drops_what_has_no_room_for_nonce_and_tag_kept_or_fresh) {
  Gate g;
  const Octets kept = record(22, 1, Octets(23)), finished = record(22, 1, Octets(24));
  EXPECT_FALSE(g.shows(kept) || g.shows(finished)) << "nobody knows the cipher yet";
  g.gate.open_epoch_1(24);
  EXPECT_EQ(g.seen_of(record(21, 1, Octets(23))), std::vector<Octets>{finished});
  EXPECT_EQ(g.drops, 2);
}

// covers: bug 9
TEST(RecordGate, numbers_what_is_in_the_clear_so_that_no_stranger_moves_the_replay_window) {
  Gate g;
  for (int i = 0; i < 300; ++i) {
    Octets far_ahead = record(22, 0, message({}));
    std::fill(far_ahead.begin() + 5, far_ahead.begin() + 11, std::byte{0xFF});
    g.gate.on_datagram(at_ms(0), far_ahead);
    Reader seen(g.gate.read_record(at_ms(0)));
    seen.skip(3);
    EXPECT_EQ(seen.u64(), static_cast<std::uint64_t>(i));
  }
  g.gate.close_epoch_0();
  Octets numbered = encrypted;
  numbered[10] = std::byte{77};
  EXPECT_EQ(g.seen_of(numbered), std::vector<Octets>{numbered}) << "a number under the tag stays";
}

// covers: bug 7
TEST(RecordGate, keeps_a_few_such_records_and_no_more) {
  Gate g;
  for (int i = 0; i < 10'000; ++i) EXPECT_FALSE(g.shows(encrypted));
  EXPECT_LE(g.memory.live, 8 * (2048 + 1));
  EXPECT_EQ(g.gate.bytes_left(), 8 * encrypted.size());
  EXPECT_EQ(g.drops, 10'000 - 8);
  g.gate.close_epoch_0();
  EXPECT_EQ(g.seen_of({}).size(), 8u);
  EXPECT_EQ(g.gate.bytes_left(), 0u);
  EXPECT_EQ(g.seen_of(encrypted).size(), 1u);
  EXPECT_EQ(g.memory.live, 0u) << "nothing is kept of what has been read";
  Gate other;
  EXPECT_FALSE(other.shows(record(23, 1, Octets(2048))));
  EXPECT_EQ(other.gate.bytes_left(), 0u) << "too long to be kept";
}

TEST(RecordGate, drops_what_memory_has_no_room_for) {
  Gate g;
  g.memory.fail_from = 0;
  EXPECT_FALSE(g.shows(encrypted));
  g.gate.close_epoch_0();
  EXPECT_EQ(g.seen_of({}).size(), 0u);
  EXPECT_EQ(g.drops, 1);
}

}  // namespace
}  // namespace esp_peer::dtls
