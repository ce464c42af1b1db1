// Every handshake has a twin with one thing wrong, and the twin must fail: a character of what the
// signalling carries, the certificate, a bit of any handshake message, a field of any SCTP one.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <span>

#include "backends/openssl/backend.hpp"
#include "crypto/crc32.hpp"
#include "sim/pair.hpp"
#include "tests/scenario/each_cipher.hpp"
#include "tests/support/association_pair.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;

PairOptions options(const Ciphers& cipher) {
  PairOptions options{.cipher = cipher};
  options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
  return options;
}

void expect_never_connected(World& world, Pair& pair, const std::string& what) {
  pair.run_for(seconds(80));
  EXPECT_FALSE(pair.left_ear.said(State::connected) && pair.right_ear.said(State::connected))
      << what;
  for (const Ear* ear : {&pair.left_ear, &pair.right_ear}) {
    EXPECT_FALSE(ear->said(State::data_opened)) << what;
    EXPECT_TRUE(ear->messages.empty()) << what;
  }
  for (const std::string& failure : world.failures) ADD_FAILURE() << what << ": " << failure;
}

// ---------------------------------------------------------------- what signalling carries

struct Wrong {
  const char* name;
  const char* line;  // prefix of the line that is changed
  // What becomes of the line's value; the description is not taken at all, or leads nowhere.
  std::string (*change)(std::string value);
};

std::string other_last(std::string value) {
  value.back() = value.back() == '0' ? '1' : '0';
  return value;
}
std::string other_first(std::string value) {
  value.front() = value.front() == '0' ? '1' : '0';
  return value;
}
std::string shorter(std::string value) { return value.substr(0, value.size() - 1); }
std::string longer(std::string value) { return value + "x"; }
std::string swapped_case(std::string value) {
  for (char& c : value)
    c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c >= 'A' && c <= 'Z' ? c + 32 : c);
  return value;
}
std::string another_hash(std::string value) {
  return value.replace(value.find("sha-256"), 7, "sha-999");
}
std::string longer_print(std::string value) { return value + ":00"; }
std::string shorter_print(std::string value) { return value.substr(0, value.size() - 3); }
std::string no_setup(std::string) { return "holdconn"; }
std::string next_port(std::string value) { return std::to_string(std::stoi(value) + 1); }

constexpr Wrong everything_wrong[] = {
    {"ufrag_last", "a=ice-ufrag:", other_last},
    {"ufrag_first", "a=ice-ufrag:", other_first},
    {"ufrag_longer", "a=ice-ufrag:", longer},
    {"password_last", "a=ice-pwd:", other_last},
    {"password_first", "a=ice-pwd:", other_first},
    {"password_shorter", "a=ice-pwd:", shorter},
    {"password_longer", "a=ice-pwd:", longer},
    {"password_in_the_other_case", "a=ice-pwd:", swapped_case},
    {"fingerprint_last", "a=fingerprint:", other_last},
    {"fingerprint_of_no_hash", "a=fingerprint:", another_hash},
    {"fingerprint_longer", "a=fingerprint:", longer_print},
    {"fingerprint_shorter", "a=fingerprint:", shorter_print},
    {"setup_holdconn", "a=setup:", no_setup},
    {"sctp_port", "a=sctp-port:", next_port},
};

struct SignalTwin {
  Wrong wrong;
  bool of_the_offer;
  Cipher cipher;
};

class Signalled : public ::testing::TestWithParam<SignalTwin> {};

// covers: bug 1, bug 2, bug 3, bug 4, bug 26, must rfc5763#5, must rfc8445#7.2.2
TEST_P(Signalled, with_this_wrong_leads_nowhere) {
  const auto& [wrong, of_the_offer, cipher] = GetParam();
  World world(11);
  Pair pair(world, options(cipher));
  bool changed = false;
  pair.on_signal = [&, &wrong = wrong, of_the_offer = of_the_offer](Peer& from, std::string& sdp) {
    if ((&from == pair.left.get()) != of_the_offer) return true;
    const std::size_t begin = sdp.find(wrong.line) + std::string_view(wrong.line).size();
    const std::size_t end = sdp.find('\r', begin);
    const std::string value = sdp.substr(begin, end - begin), other = wrong.change(value);
    changed = other != value;
    sdp.replace(begin, end - begin, other);
    return true;
  };
  pair.connect();
  pair.run_for(seconds(80));
  EXPECT_TRUE(changed);
  const std::string what = wrong.name;
  if (what != "sctp_port") return expect_never_connected(world, pair, what);
  // The path is as it should be; only what is to run over it is not, and that takes its time.
  pair.run_for(seconds(200));
  for (const Ear* ear : {&pair.left_ear, &pair.right_ear}) {
    EXPECT_FALSE(ear->said(State::data_opened));
    EXPECT_TRUE(ear->said(State::disconnected));
  }
}
std::vector<SignalTwin> signal_twins() {
  std::vector<SignalTwin> all;
  for (const Wrong& wrong : everything_wrong) {
    for (const bool offer : {true, false}) {
      for (const Cipher cipher : {Cipher::openssl, Cipher::mbedtls}) {
        all.push_back({wrong, offer, cipher});
      }
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Twin, Signalled, ::testing::ValuesIn(signal_twins()),
                         [](const auto& tested) {
                           return std::string(tested.param.wrong.name) +
                                  (tested.param.of_the_offer ? "_offered_" : "_answered_") +
                                  name_of(Ciphers(tested.param.cipher));
                         });

class Twins : public ::testing::TestWithParam<Ciphers> {
 protected:
  static bool of_one_library() { return GetParam().left == GetParam().right; }
};
INSTANTIATE_TEST_SUITE_P(Over, Twins, ::testing::ValuesIn(real_ciphers), name_of_ciphers);

// covers: bug 3, bug 4
TEST_P(Twins, any_digit_of_either_fingerprint_wrong_is_refused) {
  for (int digit = 0; digit < 64; digit += of_one_library() ? 1 : 9) {
    for (const bool of_the_offer : {true, false}) {
      World world(12);
      Pair pair(world, options(GetParam()));
      pair.on_signal = [&](Peer& from, std::string& sdp) {
        if ((&from == pair.left.get()) != of_the_offer) return true;
        const std::size_t at = sdp.find("a=fingerprint:sha-256 ") + 22 +
                               static_cast<std::size_t>(digit / 2 * 3 + digit % 2);
        sdp[at] = sdp[at] == 'A' ? 'B' : 'A';
        return true;
      };
      pair.connect();
      pair.run_for(seconds(3));
      Peer& deceived = of_the_offer ? *pair.right : *pair.left;
      EXPECT_EQ(deceived.state(), State::connect_failed) << digit;
      EXPECT_FALSE(pair.ear(deceived).said(State::connected)) << digit;
    }
  }
}

// The twin of all of these, which must connect: the test changes what makes no difference.
TEST_P(Twins, with_nothing_wrong_connect) {
  World world(11);
  Pair pair(world, options(GetParam()));
  pair.on_signal = [](Peer&, std::string& sdp) {
    const std::size_t at = sdp.find("a=fingerprint:sha-256 ") + 22;
    for (std::size_t i = at; sdp[i] != '\r'; ++i) {
      if (sdp[i] >= 'A' && sdp[i] <= 'F') sdp[i] = static_cast<char>(sdp[i] + 32);
    }
    return true;
  };
  pair.connect();
  EXPECT_TRUE(pair.run_until_open());
}

// ---------------------------------------------------------------- DTLS messages

// The handshake records in a datagram [rfc6347#4.1, #4.2.2]: a message in the clear by its type,
// ChangeCipherSpec and what is encrypted by themselves.
constexpr int change_cipher_spec = 256, encrypted = 257;
template <class Use>
void for_each_handshake_record(std::span<std::byte> datagram, Use use) {
  while (datagram.size() > 13) {
    const int type = std::to_integer<int>(datagram[0]), epoch = std::to_integer<int>(datagram[4]);
    const std::size_t size = std::to_integer<std::size_t>(datagram[11]) << 8 |
                             std::to_integer<std::size_t>(datagram[12]);
    if (type < 20 || type > 22 || 13 + size > datagram.size()) return;
    const auto body = datagram.subspan(13, size);
    if (type == 20) use(change_cipher_spec, body);
    if (type == 22 && epoch == 1) use(encrypted, body);
    if (type == 22 && epoch == 0) use(std::to_integer<int>(body[0]), body.subspan(12));
    datagram = datagram.subspan(13 + size);
  }
}

// In every copy of it that is sent.
// covers: bug 4, bug 5, must rfc6347#4.2.2, fault 11
TEST_P(Twins, a_bit_of_any_handshake_message_wrong_connects_nobody) {
  using Meddle = std::function<void(bool from_left, int message, std::span<std::byte> body)>;
  const auto play = [](const Meddle& meddle, const std::string& what) {
    World world(13);
    Pair pair(world, options(GetParam()));
    world.network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& datagram) {
      for_each_handshake_record(datagram, [&](int message, std::span<std::byte> body) {
        meddle(from == pair.left->host(), message, body);
      });
      return true;
    });
    pair.connect();
    if (!what.empty()) return expect_never_connected(world, pair, what);
    EXPECT_TRUE(pair.run_until_open());
  };
  std::map<std::pair<bool, int>, std::size_t> messages;  // of a handshake that succeeds
  play([&](bool from_left, int m, auto body) { messages[{from_left, m}] = body.size(); }, "");
  EXPECT_GE(messages.size(), 10u) << "four of the server, and six of the client";
  Rng chance(14);
  for (const auto& [message, size] : messages) {
    for (int i = 0; i < (of_one_library() ? 12 : 3) && size != 0; ++i) {
      const std::size_t at = chance.below(size);
      const auto bit = static_cast<std::byte>(1u << chance.below(8));
      play(
          [&, &wanted = message](bool from_left, int m, auto body) {
            if (std::pair(from_left, m) == wanted && at < body.size()) body[at] ^= bit;
          },
          std::string(message.first ? "server's " : "client's ") + std::to_string(message.second) +
              ", byte " + std::to_string(at));
    }
  }
}

// An impostor who knows everything that was signalled, and has a key pair of its own.
// covers: bug 1, bug 2, bug 4, must rfc5763#5
TEST_P(Twins, with_another_certificate_connect_with_nobody) {
  for (const bool impostor_is_left : {true, false}) {
    World world(15);
    Pair pair(world, options(GetParam()));
    dtls::Identity* const another = openssl::backend().create_identity(1'700'000'000);
    const std::string print(dtls::fingerprint_text(another->fingerprint()).view());
    pair.on_signal = [&](Peer& from, std::string& sdp) {
      if ((&from == pair.left.get()) == impostor_is_left) {
        const std::size_t begin = sdp.find("a=fingerprint:"), end = sdp.find('\r', begin);
        sdp.replace(begin, end - begin, "a=fingerprint:" + print);
      }
      return true;
    };
    pair.connect();
    expect_never_connected(world, pair, "another certificate");
    openssl::backend().release(*another);
  }
}

}  // namespace
}  // namespace esp_peer::sim

// ---------------------------------------------------------------- SCTP messages

namespace esp_peer::sctp {
namespace {

using Packet = std::vector<std::byte>;

void set_checksum(Packet& packet) {
  std::fill_n(packet.begin() + 8, 4, std::byte{0});
  const std::uint32_t crc = crypto::crc32c(packet);
  for (std::size_t i = 0; i < 4; ++i) packet[8 + i] = static_cast<std::byte>(crc >> 8 * i);
}

struct SctpTwin {
  const char* name;
  int chunk;       // [rfc9260#3.2] of the packets that are changed
  std::size_t at;  // the byte that has another bit
  bool checksum = true;
};
constexpr int init = 1, init_ack = 2, cookie_echo = 10, cookie_ack = 11;
// Common header: ports, tag, checksum; then type, flags, length; an INIT's tag begins at 16.
constexpr std::size_t cookie_in_init_ack = 0;  // it is looked for
std::size_t position_of_cookie(const Packet& packet) {
  for (std::size_t at = 32; at + 4 < packet.size();) {
    const auto u16 = [&](std::size_t i) {
      return std::to_integer<std::size_t>(packet[i]) << 8 |
             std::to_integer<std::size_t>(packet[i + 1]);
    };
    if (u16(at) == 7) return at + 8;
    at += (std::max<std::size_t>(u16(at + 2), 4) + 3) / 4 * 4;
  }
  ADD_FAILURE() << "no cookie in INIT-ACK";
  return 40;
}
constexpr SctpTwin sctp_twins[] = {
    {"nothing", init, 0, true},
    {"init_to_another_port", init, 3},
    {"init_with_a_tag_in_front", init, 7},
    {"init_with_a_bad_checksum", init, 18, false},
    {"init_without_streams", init, 25},
    {"init_ack_under_another_tag", init_ack, 7},
    {"init_ack_from_another_port", init_ack, 1},
    {"init_ack_with_a_bad_checksum", init_ack, 18, false},
    {"init_ack_with_another_cookie", init_ack, cookie_in_init_ack},
    {"init_ack_that_names_another_tag", init_ack, 19},
    {"cookie_echo_under_another_tag", cookie_echo, 7},
    {"cookie_echo_with_its_first_byte_wrong", cookie_echo, 16},
    {"cookie_echo_with_its_mac_wrong", cookie_echo, 60},
    {"cookie_echo_with_a_bad_checksum", cookie_echo, 18, false},
    {"cookie_ack_under_another_tag", cookie_ack, 7},
    {"cookie_ack_with_a_bad_checksum", cookie_ack, 13, false},
};

class Associated : public ::testing::TestWithParam<SctpTwin> {};

// covers: bug 65, bug 67, must rfc9260#8.5, must rfc9260#5.1.5, must rfc9260#6.8
TEST_P(Associated, with_this_wrong_never_both_ways) {
  const SctpTwin& twin = GetParam();
  const bool good = std::string_view(twin.name) == "nothing";
  Pair pair;
  int changed = 0;
  pair.meddle = [&](bool, Packet& packet) {
    if (packet.size() < 13 || std::to_integer<int>(packet[12]) != twin.chunk) return true;
    ++changed;
    if (good) {
      set_checksum(packet);
      return true;
    }
    if (std::string_view(twin.name) == "init_without_streams") {
      packet[24] = packet[25] = std::byte{0};
    } else {
      const bool is_cookie = twin.chunk == init_ack && twin.at == cookie_in_init_ack;
      packet.at(is_cookie ? position_of_cookie(packet) : twin.at) ^= std::byte{1};
    }
    if (twin.checksum) set_checksum(packet);
    return true;
  };
  ASSERT_TRUE(pair.left.association.connect(pair.now));
  pair.run_for(seconds(120));
  EXPECT_GT(changed, 0);
  EXPECT_EQ(pair.left.association.connected() && pair.right.association.connected(), good);
  if (!good) {
    EXPECT_TRUE(pair.left.received.empty() && pair.right.received.empty());
  }
}
INSTANTIATE_TEST_SUITE_P(Twin, Associated, ::testing::ValuesIn(sctp_twins),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace esp_peer::sctp
