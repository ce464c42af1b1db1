#include "turn/client.hpp"

#include <gtest/gtest.h>

#include "tests/support/turn_pair.hpp"

namespace esp_peer::turn {
namespace {

using test::at_ms;
using test::TurnPair;
using test::TurnServerOptions;
using Request = test::TurnServer::Request;
using Message = test::TurnServer::Message;

constexpr Address peer = Address::v4(203, 0, 113, 5, 7000);
constexpr Address other = Address::v4(203, 0, 113, 6, 7000);

// covers: must rfc8656#7.3
TEST(TurnAllocation, is_made_with_the_realm_and_nonce_of_the_first_answer) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.event<Allocated>());
  EXPECT_EQ(pair.event<Allocated>()->relayed_v4, pair.client.relayed(Family::v4));
  EXPECT_EQ(pair.event<Allocated>()->mapped, TurnPair::us);
  EXPECT_FALSE(pair.event<Allocated>()->relayed_v6);
  const auto& requests = pair.server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_FALSE(requests[0].has_integrity);
  EXPECT_TRUE(requests[0].username.empty());
  EXPECT_EQ(requests[1].username, "alice");
  EXPECT_EQ(requests[1].realm, "example.org");
  EXPECT_NE(requests[0].id, requests[1].id) << "[rfc8489#9.2.5] a new transaction";
  EXPECT_TRUE(pair.server.complaints().empty());
}

TEST(TurnAllocation, asks_seven_times_and_then_there_is_no_server) {
  TurnPair pair;
  int sent = 0;
  pair.to_server = [&](Message&) { return ++sent == 0; };
  pair.allocate();
  pair.run_until(at_ms(39'499));
  EXPECT_EQ(sent, 7);
  EXPECT_TRUE(pair.events.empty());
  pair.run_until(at_ms(39'500));
  ASSERT_TRUE(pair.event<Failed>());
  EXPECT_EQ(pair.event<Failed>()->why, Failure::timeout);
  EXPECT_TRUE(pair.client.ended());
  EXPECT_FALSE(pair.client.next_deadline());
}

TEST(TurnAllocation, over_a_stream_no_request_is_repeated) {
  TurnPair pair({}, {.stream = true});
  int sent = 0;
  pair.to_server = [&](Message&) { return ++sent == 0; };
  pair.allocate();
  pair.run_until(at_ms(39'499));
  EXPECT_TRUE(pair.events.empty());
  pair.run_until(at_ms(39'500));
  EXPECT_EQ(sent, 1);
  ASSERT_TRUE(pair.event<Failed>());
  EXPECT_EQ(pair.event<Failed>()->why, Failure::timeout);
}

// covers: must rfc8489#9.2.5
TEST(TurnAllocation, a_wrong_password_is_said_once_and_not_insisted_on) {
  TurnPair pair;
  ASSERT_TRUE(pair.client.allocate(pair.now, "alice", "wrong"));
  pair.settle();
  ASSERT_TRUE(pair.event<Failed>());
  EXPECT_EQ(pair.event<Failed>()->why, Failure::unauthenticated);
  EXPECT_EQ(pair.event<Failed>()->code, 401);
  EXPECT_EQ(pair.server.requests().size(), 2u);
}

TEST(TurnAllocation, another_realm_in_a_401_is_another_chance) {
  TurnPair pair;
  pair.server.answer_with([&, done = false](const Request& r) mutable -> std::optional<Message> {
    if (done || !r.has_integrity) return std::nullopt;
    done = true;
    pair.server.set_realm("example.net");
    return pair.server.response(r, 401, false,
                                [&](stun::Builder& b) { pair.server.add_challenge(b); });
  });
  pair.allocate();
  EXPECT_TRUE(pair.event<Allocated>());
  EXPECT_EQ(pair.server.requests().back().realm, "example.net");
}

// covers: bug 37, must rfc8489#9.2.5
TEST(TurnAllocation, a_stale_nonce_is_replaced_and_a_realm_that_changed_with_it) {
  TurnPair pair;
  pair.server.answer_with([&, done = false](const Request& r) mutable -> std::optional<Message> {
    if (done || !r.has_integrity) return std::nullopt;
    done = true;
    pair.server.set_realm("moved.example");
    return pair.server.response(r, 438, false,
                                [&](stun::Builder& b) { pair.server.add_challenge(b); });
  });
  pair.allocate();
  EXPECT_TRUE(pair.event<Allocated>());
  EXPECT_EQ(pair.server.requests().back().realm, "moved.example");
}

TEST(TurnAllocation, a_server_whose_nonces_are_always_stale_is_given_up) {
  TurnPair pair;
  pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
    if (!r.has_integrity) return std::nullopt;
    pair.server.expire_nonces();
    return pair.server.response(r, 438, false,
                                [&](stun::Builder& b) { pair.server.add_challenge(b); });
  });
  pair.allocate();
  ASSERT_TRUE(pair.event<Failed>());
  EXPECT_EQ(pair.event<Failed>()->why, Failure::unauthenticated);
  EXPECT_LE(pair.server.requests().size(), 20u);
}

// covers: fault 5
TEST(TurnAllocation, each_refusal_ends_it_and_its_code_is_kept) {
  for (const int refusal : {400, 403, 420, 437, 440, 441, 442, 443, 486, 500, 508, 699}) {
    const auto code = static_cast<std::uint16_t>(refusal);
    TurnPair pair;
    pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
      if (!r.has_integrity) return std::nullopt;
      return pair.server.response(r, code, true);
    });
    pair.allocate();
    ASSERT_TRUE(pair.event<Failed>()) << code;
    EXPECT_EQ(pair.event<Failed>()->why, Failure::refused);
    EXPECT_EQ(pair.event<Failed>()->code, code);
    EXPECT_EQ(pair.client.last_error(), code);
    const auto asked = pair.server.requests().size();
    pair.run_for(seconds(300));
    EXPECT_EQ(pair.server.requests().size(), asked) << "who was refused does not insist";
  }
}

// covers: bug 27, must rfc8489#9.1.4
TEST(TurnAllocation, what_the_server_has_not_signed_changes_nothing) {
  enum class Forgery {
    unsigned_success,
    wrong_key,
    unsigned_error,
    not_its_id,
    other_method,
    count
  };
  for (int i = 0; i < static_cast<int>(Forgery::count); ++i) {
    const auto forgery = static_cast<Forgery>(i);
    TurnPair pair;
    pair.to_client = [&](Message&) { return pair.server.requests().size() < 2; };
    pair.allocate();  // the answer to the signed request is lost
    ASSERT_TRUE(pair.events.empty());
    Request request = pair.server.requests().back();
    bool is_signed = true;
    std::uint16_t code = 0;
    test::TurnServer liar;
    switch (forgery) {
      case Forgery::unsigned_success:
        is_signed = false;
        break;
      case Forgery::wrong_key:
        liar.options().password = "guess";
        break;
      case Forgery::unsigned_error:
        is_signed = false;
        code = 437;
        break;
      case Forgery::not_its_id:
        request.id[5] ^= std::byte{1};
        break;
      case Forgery::other_method:
        request.method = method::refresh;
        break;
      case Forgery::count:
        break;
    }
    const auto before = pair.state();
    auto answer = liar.response(request, code, is_signed, [&](stun::Builder& b) {
      b.xor_address(static_cast<std::uint16_t>(Attribute::xor_relayed_address), other);
      b.xor_mapped_address(other);
      write_u32(b, Attribute::lifetime, 600);
    });
    EXPECT_FALSE(pair.client.on_message(pair.now, answer));
    pair.to_client = {};
    EXPECT_EQ(pair.state(), before) << i;
    EXPECT_FALSE(pair.client.allocated());
    pair.run_for(seconds(2));  // the request is sent again, and the true answer comes
    EXPECT_TRUE(pair.event<Allocated>()) << i;
  }
}

// covers: must rfc8489#9.1.4
TEST(TurnAllocation, where_only_forgeries_came_that_is_said_in_the_end) {
  TurnPair pair;
  pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
    if (!r.has_integrity) return std::nullopt;
    return pair.server.response(r, 0, false);
  });
  pair.allocate();
  EXPECT_TRUE(pair.events.empty());
  pair.run_for(seconds(40));
  ASSERT_TRUE(pair.event<Failed>());
  EXPECT_EQ(pair.event<Failed>()->why, Failure::integrity);

  TurnPair stream({}, {.stream = true});
  stream.server.answer_with([&](const Request& r) -> std::optional<Message> {
    if (!r.has_integrity) return std::nullopt;
    return stream.server.response(r, 0, false);
  });
  stream.allocate();
  ASSERT_TRUE(stream.event<Failed>()) << "over a stream there will be no other answer";
  EXPECT_EQ(stream.event<Failed>()->why, Failure::integrity);
}

TEST(TurnAllocation, a_server_that_asks_for_no_name_is_not_believed) {
  TurnPair pair;
  pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
    return pair.server.response(r, 0, false, [&](stun::Builder& b) {
      b.xor_address(static_cast<std::uint16_t>(Attribute::xor_relayed_address), other);
    });
  });
  pair.allocate();
  EXPECT_FALSE(pair.client.allocated());
}

// covers: must rfc8656#7.3
TEST(TurnAllocation, of_a_family_that_nobody_asked_for_is_given_back) {
  for (const bool v6 : {true, false}) {
    TurnPair pair({}, {.families = v6 ? Families::v4 : Families::v6});
    pair.server.options().relay_v6 = parse_ip("2001:db8::7", 0);
    pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
      if (!r.has_integrity || r.method != method::allocate) return std::nullopt;
      return pair.server.response(r, 0, true, [&](stun::Builder& b) {
        b.xor_address(static_cast<std::uint16_t>(Attribute::xor_relayed_address),
                      v6 ? *parse_ip("2001:db8::7", 99) : other);
        write_u32(b, Attribute::lifetime, 600);
      });
    });
    pair.allocate();
    ASSERT_TRUE(pair.event<Failed>());
    EXPECT_EQ(pair.event<Failed>()->why, Failure::malformed);
    EXPECT_EQ(pair.server.requests().back().method, method::refresh);
    EXPECT_EQ(pair.server.requests().back().lifetime, 0u);
    EXPECT_TRUE(pair.client.ended());
  }
}

TEST(TurnAllocation, nonsense_in_a_signed_answer_is_given_back) {
  for (const Address& nonsense : {Address::v4(0, 0, 0, 0, 9), Address::v4(1, 2, 3, 4, 0)}) {
    TurnPair pair;
    pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
      if (!r.has_integrity || r.method != method::allocate) return std::nullopt;
      return pair.server.response(r, 0, true, [&](stun::Builder& b) {
        b.xor_address(static_cast<std::uint16_t>(Attribute::xor_relayed_address), nonsense);
      });
    });
    pair.allocate();
    ASSERT_TRUE(pair.event<Failed>());
    EXPECT_EQ(pair.event<Failed>()->why, Failure::malformed);
  }
}

TEST(TurnAllocation, an_answer_with_what_must_be_understood_and_is_not_has_failed) {
  TurnPair pair;
  pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
    if (!r.has_integrity) return std::nullopt;
    return pair.server.response(r, 0, true, [&](stun::Builder& b) {
      b.attribute(0x7FFF, {});
      b.xor_address(static_cast<std::uint16_t>(Attribute::xor_relayed_address), other);
    });
  });
  pair.allocate();
  ASSERT_TRUE(pair.event<Failed>());
  EXPECT_EQ(pair.event<Failed>()->why, Failure::malformed);
}

TEST(TurnAllocation, one_for_ipv6_is_asked_for_alone) {
  TurnPair pair({.relay_v6 = parse_ip("2001:db8::7", 0)}, {.families = Families::v6});
  pair.allocate();
  ASSERT_TRUE(pair.event<Allocated>());
  EXPECT_FALSE(pair.client.relayed(Family::v4));
  EXPECT_TRUE(pair.client.relayed(Family::v6));
  EXPECT_EQ(pair.server.requests().back().family, Family::v6);
  EXPECT_EQ(pair.client.permit(pair.now, peer).code(), Errc::unsupported);
  const auto v6_peer = *parse_ip("2001:db8:1::5", 7000);
  EXPECT_TRUE(pair.client.permit(pair.now, v6_peer));
  pair.settle();
  EXPECT_EQ(pair.send(v6_peer, "hello"), "hello");
  EXPECT_EQ(pair.receive(v6_peer, "hello"), "hello");

  TurnPair without({}, {.families = Families::v6});
  without.allocate();
  ASSERT_TRUE(without.event<Failed>());
  EXPECT_EQ(without.event<Failed>()->code, 440);
}

TEST(TurnAllocation, one_may_have_addresses_of_both_families) {
  TurnPair pair({.relay_v6 = parse_ip("2001:db8::7", 0)}, {.families = Families::both});
  const auto v6_peer = *parse_ip("2001:db8:1::5", 7000);
  EXPECT_TRUE(pair.client.permit(pair.now, v6_peer));
  EXPECT_TRUE(pair.client.permit(pair.now, peer));
  pair.allocate();
  EXPECT_EQ(pair.server.requests()[0].additional_family, Family::v6);
  EXPECT_FALSE(pair.server.requests()[0].family) << "[rfc8656#7.1] never both";
  pair.settle();
  EXPECT_EQ(pair.send(peer, "4"), "4");
  EXPECT_EQ(pair.send(v6_peer, "6"), "6");
  EXPECT_EQ(pair.receive(v6_peer, "6"), "6");

  TurnPair half({}, {.families = Families::both});
  EXPECT_TRUE(half.client.permit(half.now, v6_peer));
  half.allocate();
  ASSERT_TRUE(half.event<Allocated>()) << "a server without IPv6 gives what it has";
  EXPECT_EQ(half.server.count(method::create_permission), 0u);
  EXPECT_EQ(half.send(v6_peer, "6"), "");
}

// covers: fault 5, must rfc8835#3.4
TEST(TurnRedirection, the_other_server_is_asked_with_the_same_credential) {
  TurnPair pair;
  const Address elsewhere = Address::v4(198, 51, 100, 2, 3479);
  test::TurnServer second({.realm = "second.example"});
  const auto send_on = [&](const Request& r) -> std::optional<Message> {
    return pair.server.response(r, 300, false, [&](stun::Builder& b) {
      std::array<std::byte, 8> address{};
      Writer w(address);
      w.u16(1);
      w.u16(elsewhere.port);
      for (std::size_t i = 12; i < 16; ++i) w.u8(elsewhere.ip[i]);
      b.attribute(static_cast<std::uint16_t>(Attribute::alternate_server), address);
    });
  };
  pair.server.answer_with(send_on);
  pair.to_server = [&](Message& request) {
    if (pair.client.server() != elsewhere) return true;
    if (auto answer = second.on_message(pair.now, TurnPair::us, request)) pair.deliver(*answer);
    return false;
  };
  pair.allocate();
  EXPECT_EQ(pair.client.server(), elsewhere);
  ASSERT_TRUE(pair.event<Allocated>());
  ASSERT_EQ(second.requests().size(), 2u);
  EXPECT_FALSE(second.requests()[0].has_integrity) << "it has not asked yet";
  EXPECT_EQ(second.requests()[1].realm, "second.example");

  // Over a stream another one has to be opened first.
  TurnPair stream({}, {.stream = true});
  stream.server.answer_with(send_on);
  stream.allocate();
  ASSERT_TRUE(stream.event<Redirected>());
  EXPECT_EQ(stream.event<Redirected>()->server, elsewhere);
  EXPECT_TRUE(stream.client.ended());
}

TEST(TurnRedirection, in_a_circle_or_to_nowhere_ends) {
  for (const Address& to : {TurnPair::server_address, Address::v4(0, 0, 0, 0, 1),
                            Address::v4(127, 0, 0, 1, 80), Address::v4(1, 2, 3, 4, 0)}) {
    TurnPair pair;
    pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
      return pair.server.response(r, 300, false, [&](stun::Builder& b) {
        std::array<std::byte, 8> address{};
        Writer w(address);
        w.u16(1);
        w.u16(to.port);
        for (std::size_t i = 12; i < 16; ++i) w.u8(to.ip[i]);
        b.attribute(static_cast<std::uint16_t>(Attribute::alternate_server), address);
      });
    });
    pair.allocate();
    ASSERT_TRUE(pair.event<Failed>());
    EXPECT_EQ(pair.event<Failed>()->why, Failure::redirected);
  }
}

TEST(TurnPasswordAlgorithms, the_best_that_the_server_offers_signs_both_ways) {
  TurnPair pair({.sha256 = true});
  pair.allocate();
  EXPECT_TRUE(pair.event<Allocated>());
  EXPECT_EQ(pair.server.requests().back().algorithm, 2);
  EXPECT_TRUE(pair.client.permit(pair.now, peer));
  pair.settle();
  EXPECT_TRUE(pair.client.may_send(pair.now, peer));
  pair.server.expire_nonces();
  pair.run_for(seconds(600));
  EXPECT_TRUE(pair.client.may_send(pair.now, peer));
  EXPECT_TRUE(pair.server.complaints().empty());
}

TEST(TurnPasswordAlgorithms, a_server_that_hides_user_names_gets_their_hash) {
  for (const bool sha256 : {false, true}) {
    TurnPair pair({.sha256 = sha256, .anonymous = true});
    pair.allocate();
    EXPECT_TRUE(pair.event<Allocated>());
    EXPECT_TRUE(pair.server.requests().back().username.empty());
  }
}

// [rfc8489#9.2.1] Who takes the list out of the first answer cannot take the bit out of the nonce.
TEST(TurnPasswordAlgorithms, a_list_that_was_taken_out_is_missed) {
  TurnPair pair({.sha256 = true});
  pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
    return pair.server.response(r, 401, false, [&](stun::Builder& b) {
      b.attribute(static_cast<std::uint16_t>(Attribute::realm), as_bytes("example.org"));
      b.attribute(static_cast<std::uint16_t>(Attribute::nonce), as_bytes("obMatJos2gAAAn"));
    });
  });
  pair.allocate();
  ASSERT_TRUE(pair.event<Failed>());
  EXPECT_EQ(pair.server.requests().size(), 1u);
}

TEST(TurnPasswordAlgorithms, there_is_no_way_back_to_md5) {
  TurnPair pair({.sha256 = true});
  pair.allocate();
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  pair.server.options().sha256 = false;
  pair.server.expire_nonces();
  pair.settle();
  EXPECT_FALSE(pair.client.may_send(pair.now, peer));
  EXPECT_FALSE(pair.server.requests().back().algorithm == 1);
}

// covers: bug 38, must rfc8489#14.8, changelog 30
TEST(TurnCredential, names_up_to_508_bytes_are_sent_and_longer_ones_refused) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{255}, std::size_t{508}}) {
    TurnPair pair({.user = std::string(size, 'u')});
    pair.allocate();
    EXPECT_TRUE(pair.event<Allocated>()) << size;
    EXPECT_EQ(pair.server.requests().back().username.size(), size);
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{509}, std::size_t{763}}) {
    TurnPair pair;
    const std::string name(size, 'u');
    EXPECT_EQ(pair.client.allocate(pair.now, name, "p").code(), Errc::invalid_argument);
  }
}

TEST(TurnCredential, one_that_ends_with_the_hour_is_a_text_like_any_other) {
  TurnPair pair({.user = "1795000000:device-7", .password = "x2kDHVLT0rCkHFQTwRHI6ZLrFcE="});
  pair.allocate();
  EXPECT_TRUE(pair.event<Allocated>());
}

// covers: must rfc8489#14.8
TEST(TurnCredential, realm_and_nonce_may_have_763_bytes_and_no_more) {
  for (const std::size_t size : {std::size_t{763}, std::size_t{764}}) {
    TurnPair pair({.realm = std::string(size, 'r')});
    pair.allocate();
    EXPECT_EQ(pair.client.allocated(), size == 763);
  }
}

TEST(TurnCredential, is_overwritten_before_its_memory_is_given_back) {
  struct Watching final : Memory {
    void* allocate(std::size_t size) override { return std::malloc(size); }
    void release(void* block, std::size_t size) override {
      const std::string_view left(static_cast<const char*>(block), size);
      leaked = leaked || left.find("hunter2hunter2") != left.npos;
      std::free(block);
    }
    bool leaked = false;
  } memory;
  test::SeededRandom random(1);
  {
    Client client({}, TurnPair::server_address, openssl::provider(), {memory, random, {}});
    ASSERT_TRUE(client.allocate(at_ms(0), "alice", "hunter2hunter2"));
    test::TurnServer server({.password = "hunter2hunter2"});
    for (int i = 0; i < 2; ++i) {
      Message request(2000);
      request.resize(client.write_request(at_ms(0), request));
      auto answer = server.on_message(at_ms(0), TurnPair::us, request);
      ASSERT_TRUE(answer);
      client.on_message(at_ms(0), *answer);
    }
    EXPECT_TRUE(client.allocated());
  }
  EXPECT_FALSE(memory.leaked);
}

// covers: must rfc8656#8, bug 36
TEST(TurnRefresh, comes_a_minute_before_the_end) {
  TurnPair pair;
  pair.allocate();
  pair.run_until(at_ms(539'999));
  EXPECT_EQ(pair.server.count(method::refresh), 0u);
  pair.run_until(at_ms(540'000));
  EXPECT_EQ(pair.server.count(method::refresh), 1u);
  EXPECT_FALSE(pair.server.requests().back().lifetime);
  pair.run_for(seconds(7200));
  EXPECT_TRUE(pair.client.allocated());
  EXPECT_EQ(pair.server.allocations(pair.now), 1u);
}

TEST(TurnRefresh, lifetimes_that_make_no_sense_make_no_storm_and_no_silence) {
  for (const std::uint32_t lifetime : {1u, 9u, 10u, 119u, 3600u, 86'400u, 0xFFFFFFFFu}) {
    TurnPair pair;
    pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
      if (!r.has_integrity) return std::nullopt;
      return pair.server.response(r, 0, true, [&](stun::Builder& b) {
        b.xor_address(static_cast<std::uint16_t>(Attribute::xor_relayed_address), other);
        write_u32(b, Attribute::lifetime, lifetime);
      });
    });
    pair.allocate();
    ASSERT_TRUE(pair.event<Allocated>());
    pair.run_for(seconds(7200));
    EXPECT_LE(pair.server.count(method::refresh), 7200u / 5u) << lifetime;
    EXPECT_GE(pair.server.count(method::refresh), 2u) << lifetime;
  }
}

TEST(TurnRefresh, an_answer_with_no_time_left_ends_it) {
  TurnPair pair;
  pair.allocate();
  pair.events.clear();
  pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
    return pair.server.response(r, 0, true,
                                [&](stun::Builder& b) { write_u32(b, Attribute::lifetime, 0); });
  });
  pair.run_for(seconds(541));
  ASSERT_TRUE(pair.event<Lost>());
  EXPECT_EQ(pair.event<Lost>()->why, Failure::malformed);
}

// covers: must rfc8656#5, fault 5
TEST(TurnRefresh, a_server_that_began_anew_has_lost_our_allocation) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  pair.settle();
  pair.events.clear();
  pair.server.restart();
  pair.run_for(seconds(541));  // 438, then 437
  ASSERT_TRUE(pair.event<Lost>());
  EXPECT_EQ(pair.event<Lost>()->code, 437);
  EXPECT_FALSE(pair.client.may_send(pair.now, peer));
  EXPECT_EQ(pair.send(peer, "x"), "");
  EXPECT_FALSE(pair.client.next_deadline());
}

// covers: must rfc8656#5
TEST(TurnRefresh, also_when_it_says_so_to_another_request) {
  TurnPair pair;
  pair.allocate();
  pair.events.clear();
  pair.server.restart();
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  pair.settle();
  ASSERT_TRUE(pair.event<Lost>());
  EXPECT_EQ(pair.event<Lost>()->code, 437);
}

TEST(TurnRefresh, is_tried_until_the_allocation_ends) {
  TurnPair pair;
  pair.allocate();
  pair.events.clear();
  pair.to_server = [](Message&) { return false; };
  pair.run_until(at_ms(599'999));
  EXPECT_TRUE(pair.events.empty());
  pair.to_server = {};
  pair.run_until(at_ms(600'000));
  ASSERT_TRUE(pair.event<Lost>());
  EXPECT_EQ(pair.event<Lost>()->why, Failure::timeout);

  TurnPair lucky;
  lucky.allocate();
  lucky.events.clear();
  lucky.to_server = [&](Message&) { return lucky.now >= at_ms(580'000); };
  lucky.run_until(at_ms(700'000));
  EXPECT_TRUE(lucky.events.empty());
  EXPECT_TRUE(lucky.client.allocated());
}

// covers: bug 36, bug 37, fault 6
TEST(TurnRefresh, two_hours_with_loss_and_a_stale_nonce_at_each_refresh) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    TurnPair pair({.stale_at_each_refresh = true}, {}, seed);
    test::SeededRandom chance(seed);
    const auto lossy = [&](Message&) { return chance.number<std::uint8_t>() >= 51; };  // 20 %
    pair.to_server = pair.to_client = lossy;
    pair.allocate();
    ASSERT_TRUE(pair.client.bind(pair.now, peer));
    ASSERT_TRUE(pair.client.permit(pair.now, other));
    pair.run_until(pair.now + seconds(30));
    ASSERT_TRUE(pair.client.allocated()) << seed;
    for (int minute = 0; minute < 120; ++minute) {
      pair.run_for(seconds(60));
      ASSERT_EQ(pair.send(peer, "data"), "data") << seed << " minute " << minute;
      ASSERT_EQ(pair.send(other, "data"), "data") << seed << " minute " << minute;
      ASSERT_EQ(pair.receive(peer, "atad"), "atad") << seed << " minute " << minute;
    }
    EXPECT_TRUE(pair.server.complaints().empty()) << pair.server.complaints()[0];
  }
}

// covers: bug 37
TEST(TurnRefresh, a_nonce_for_each_request_is_an_ordinary_server) {
  TurnPair pair({.nonce_for_one_request = true});
  for (std::uint8_t i = 1; i <= 20; ++i) {
    ASSERT_TRUE(pair.client.bind(pair.now, Address::v4(203, 0, 113, i, 9)) || i > 8);
  }
  pair.allocate();
  pair.run_for(seconds(7200));
  for (std::uint8_t i = 1; i <= 20; ++i) {
    EXPECT_TRUE(pair.client.may_send(pair.now, Address::v4(203, 0, 113, i, 9)));
  }
}

TEST(TurnKeepalive, boxes_on_the_way_hear_of_us_each_fifteen_seconds) {
  TurnPair pair;
  pair.allocate();
  pair.run_for(seconds(150));
  EXPECT_EQ(pair.server.signs_of_life(), 10u);
  pair.client.close(pair.now);
  pair.settle();
  pair.run_for(seconds(150));
  EXPECT_EQ(pair.server.signs_of_life(), 10u);
  TurnPair stream({}, {.stream = true});
  stream.allocate();
  stream.run_for(seconds(150));
  EXPECT_EQ(stream.server.signs_of_life(), 0u);
}

TEST(TurnEnd, gives_the_allocation_back) {
  TurnPair pair;
  pair.allocate();
  pair.client.close(pair.now);
  pair.settle();
  EXPECT_EQ(pair.server.requests().back().lifetime, 0u);
  EXPECT_EQ(pair.server.allocations(pair.now), 0u);
  EXPECT_TRUE(pair.client.ended());
  EXPECT_FALSE(pair.client.next_deadline());
  EXPECT_EQ(pair.client.permit(pair.now, peer).code(), Errc::wrong_state);
}

TEST(TurnEnd, a_stale_nonce_does_not_keep_it) {
  TurnPair pair;
  pair.allocate();
  pair.server.expire_nonces();
  pair.client.close(pair.now);
  pair.settle();
  EXPECT_EQ(pair.server.allocations(pair.now), 0u);
}

TEST(TurnEnd, also_one_that_has_not_been_heard_of_yet) {
  TurnPair pair;
  pair.to_client = [&](Message&) { return pair.server.requests().size() < 2; };
  pair.allocate();
  EXPECT_EQ(pair.server.allocations(pair.now), 1u);
  pair.to_client = {};
  pair.client.close(pair.now);
  pair.settle();
  EXPECT_EQ(pair.server.allocations(pair.now), 0u);
}

TEST(TurnEnd, nobody_waits_long_for_a_server_that_is_gone) {
  TurnPair pair;
  pair.allocate();
  pair.to_server = [](Message&) { return false; };
  pair.client.close(pair.now);
  pair.run_for(seconds(5));
  EXPECT_TRUE(pair.client.ended());
  EXPECT_EQ(pair.events.size(), 1u) << "Allocated, and nothing behind the end";
}

TEST(TurnEnd, a_stream_that_closes_takes_it_along) {
  TurnPair pair({}, {.stream = true});
  pair.allocate();
  pair.events.clear();
  pair.client.on_stream_closed(pair.now);
  pair.settle();
  ASSERT_TRUE(pair.event<Lost>());
  EXPECT_EQ(pair.event<Lost>()->why, Failure::stream_closed);
  TurnPair early({}, {.stream = true});
  ASSERT_TRUE(early.client.allocate(early.now, "a", "b"));
  early.client.on_stream_closed(early.now);
  early.settle();
  EXPECT_TRUE(early.event<Failed>());
}

TEST(TurnClient, no_allocation_of_memory_that_fails_does_harm) {
  for (std::size_t k = 0; k < 40; ++k) {
    TurnPair pair;
    pair.parts.memory.fail_from = k;
    if (!pair.client.allocate(pair.now, "alice", "secret")) continue;
    pair.settle();
    static_cast<void>(pair.client.bind(pair.now, peer));
    pair.settle();
    pair.run_for(seconds(700));
    pair.client.close(pair.now);
    pair.settle();
    EXPECT_TRUE(pair.client.ended());
  }
}

}  // namespace
}  // namespace esp_peer::turn
