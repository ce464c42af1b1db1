// RTP packets in the hands of the application: encryption from end to end, extensions of the
// header, and what becomes of packets that it does not want.
#include <cstring>
#include <memory>

#include "tests/capi/camera.hpp"
#include "tests/capi/local_network.hpp"

namespace esp_peer::test {
namespace {

// A cipher that deserves no name, with an authentication that deserves none: the key goes over the
// payload, and four bytes of sum behind it.
struct EndToEnd {
  static constexpr std::uint32_t tag = 4;

  // [rfc3550#5.1] Contributors and extension belong to the header.
  static std::uint32_t header_size(const std::uint8_t* packet, std::uint32_t size) {
    std::uint32_t header = 12 + 4 * (packet[0] & 15u);
    if (packet[0] & 0x10) header += 4 + 4 * (packet[header + 2] * 256u + packet[header + 3]);
    EXPECT_LE(header, size);
    return header;
  }
  static int sealed_size(esp_peer_rtp_frame_t* frame, bool* in_place, void* ctx) {
    return self(ctx).ask(frame, in_place, frame->orig_size + tag);
  }
  static int opened_size(esp_peer_rtp_frame_t* frame, bool* in_place, void* ctx) {
    if (frame->orig_size < 12 + tag) return ESP_PEER_ERR_BAD_DATA;
    return self(ctx).ask(frame, in_place, frame->orig_size - tag);
  }
  static int seal(esp_peer_rtp_frame_t* frame, void* ctx) { return self(ctx).work(frame, true); }
  static int open(esp_peer_rtp_frame_t* frame, void* ctx) { return self(ctx).work(frame, false); }

  int on(Peer& peer, esp_peer_rtp_transform_role_t role) {
    const bool sender = role == ESP_PEER_RTP_TRANSFORM_ROLE_SENDER;
    esp_peer_rtp_transform_cb_t callbacks = {sender ? sealed_size : opened_size,
                                             sender ? seal : open};
    return esp_peer_set_rtp_transformer(peer.handle, role, &callbacks, this);
  }
  static int off(Peer& peer, esp_peer_rtp_transform_role_t role) {
    return esp_peer_set_rtp_transformer(peer.handle, role, nullptr, nullptr);
  }

  std::uint8_t key = 0x5A;
  bool works_in_place = false;
  int spared_payload_type = -1;  // left alone
  std::atomic<int> worked = 0, failed = 0;

 private:
  static EndToEnd& self(void* ctx) { return *static_cast<EndToEnd*>(ctx); }
  int ask(esp_peer_rtp_frame_t* frame, bool* in_place, std::uint32_t size) const {
    EXPECT_EQ(frame->payload_type, frame->orig_data[1] & 0x7F);
    EXPECT_EQ(frame->orig_data[0] & 0xC0, 0x80) << "a whole packet, header first";
    if (frame->payload_type == spared_payload_type) return ESP_PEER_ERR_NOT_SUPPORT;
    *in_place = works_in_place;
    frame->encoded_size = size;
    return ESP_PEER_ERR_NONE;
  }
  int work(esp_peer_rtp_frame_t* frame, bool seals) {
    ++worked;
    const std::uint8_t* from = frame->orig_data;
    std::uint8_t* to = frame->encoded_data;
    EXPECT_EQ(from == to, works_in_place);
    const std::uint32_t header = header_size(from, frame->orig_size);
    const std::uint32_t end = seals ? frame->orig_size : frame->orig_size - tag;
    if (end < header) return ESP_PEER_ERR_BAD_DATA;
    std::uint32_t sum = key * 0x01010101u;
    std::memmove(to, from, header);
    for (std::uint32_t i = header; i < end; ++i) {
      const std::uint8_t in = from[i];
      to[i] = static_cast<std::uint8_t>(in ^ key ^ i);
      sum = sum * 31 + (seals ? in : to[i]);
    }
    if (seals) {
      std::memcpy(to + end, &sum, tag);
    } else if (std::memcmp(from + end, &sum, tag) != 0) {
      ++failed;
      return ESP_PEER_ERR_BAD_DATA;
    }
    return ESP_PEER_ERR_NONE;
  }
};

constexpr auto sender = ESP_PEER_RTP_TRANSFORM_ROLE_SENDER;
constexpr auto receiver = ESP_PEER_RTP_TRANSFORM_ROLE_RECEIVER;

struct Secret : Cameras {
  Secret() {
    for (Peer* p : {&cat, &sheep}) {
      p->cfg.audio_info = {ESP_PEER_AUDIO_CODEC_OPUS, 48'000, 2};
      p->cfg.audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
      p->ext.base.rtp_cfg.audio_recv_jitter.cache_timeout = 60'000;
    }
  }
  ~Secret() { close(); }  // before what they work with
  bool whole() const { return cat.pictures == sent && sheep.pictures == sent; }
  // Pictures and sound both ways until all of it has come.
  void film(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i, pts += 33) {
      sent.push_back({pts, access_unit(pts, sent.empty(), 5'000)});
      for (Peer* p : {&cat, &sheep}) {
        EXPECT_EQ(p->send_video(pts, sent.back().body), ESP_PEER_ERR_NONE);
        EXPECT_EQ(p->send_audio(pts, std::to_string(pts)), ESP_PEER_ERR_NONE);
      }
      ASSERT_TRUE(pump_until([&] {
        return cat.pictures.size() == sent.size() && sheep.pictures.size() == sent.size() &&
               cat.frames.size() == sent.size() && sheep.frames.size() == sent.size();
      }));
      EXPECT_EQ(cat.frames.back(), (AudioFrame{pts, std::to_string(pts)}));
      EXPECT_EQ(sheep.frames.back(), (AudioFrame{pts, std::to_string(pts)}));
    }
  }
  EndToEnd seals[2], opens[2];
  std::vector<VideoFrame> sent;
  std::uint32_t pts = 1'000;
};

// covers: changelog 38
TEST(RtpTransformer, encrypts_from_end_to_end_in_place_or_not) {
  for (const bool in_place : {false, true}) {
    Secret s;
    s.open();
    for (std::size_t i = 0; i < 2; ++i) {  // before there is a connection
      Peer& peer = i == 0 ? s.cat : s.sheep;
      s.seals[i].works_in_place = s.opens[1 - i].works_in_place = in_place;
      ASSERT_EQ(s.seals[i].on(peer, sender), ESP_PEER_ERR_NONE);
      ASSERT_EQ(s.opens[i].on(peer, receiver), ESP_PEER_ERR_NONE);
    }
    s.meet();
    s.film(20);
    EXPECT_TRUE(s.whole());
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_GE(s.seals[i].worked, 20 * 6) << "each packet";
      EXPECT_EQ(s.seals[i].worked, s.opens[1 - i].worked);
      EXPECT_EQ(s.opens[i].failed, 0);
    }
    // It is the network's payload that is encrypted, not the peer's.
    EXPECT_EQ(EndToEnd::off(s.sheep, receiver), ESP_PEER_ERR_NONE);
    EXPECT_EQ(s.cat.send_audio(s.pts, "secret"), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(s.pump_until([&] { return s.sheep.frames.back().pts == s.pts; }));
    EXPECT_EQ(s.sheep.frames.back().body.size(), 6 + EndToEnd::tag);
    EXPECT_NE(s.sheep.frames.back().body.substr(0, 6), "secret");
  }
}

// covers: changelog 38
TEST(RtpTransformer, what_it_fails_with_is_dropped) {
  Secret s;
  // Nobody waits for what is dropped.
  s.sheep.ext.base.rtp_cfg.audio_recv_jitter.cache_timeout = 1;
  s.sheep.ext.base.rtp_cfg.video_recv_jitter.cache_timeout = 1'000;
  s.connect();
  s.seals[0].on(s.cat, sender);
  s.opens[1].key = 7;
  s.opens[1].on(s.sheep, receiver);
  EXPECT_EQ(s.cat.send_audio(1, "secret"), ESP_PEER_ERR_NONE);
  EXPECT_EQ(s.cat.send_video(1, access_unit(1, true, 500)), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(s.pump_until([&] { return s.opens[1].failed >= 2; }));
  EXPECT_TRUE(s.sheep.frames.empty() && s.sheep.pictures.empty());
  s.opens[1].key = s.seals[0].key;
  ASSERT_TRUE(s.pump_until([&] {  // the first of a new source; what was dropped is not missed
    s.cat.send_audio(++s.pts, "word");
    return !s.sheep.frames.empty();
  }));
  EXPECT_EQ(s.sheep.frames.front().body, "word");
  EXPECT_EQ(s.cat.send_video(2, access_unit(2, true, 500)), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(s.pump_until(  // perhaps behind the first one, which is as lost and comes again
      [&] { return !s.sheep.pictures.empty() && s.sheep.pictures.back().pts == 2; }));

  // On its way out too.
  esp_peer_rtp_transform_cb_t fails = {
      [](esp_peer_rtp_frame_t*, bool*, void*) -> int { return ESP_PEER_ERR_NONE; },
      [](esp_peer_rtp_frame_t*, void* ctx) -> int {
        ++*static_cast<int*>(ctx);
        return ESP_PEER_ERR_FAIL;
      }};
  int asked = 0;
  ASSERT_EQ(esp_peer_set_rtp_transformer(s.cat.handle, sender, &fails, &asked), ESP_PEER_ERR_NONE);
  const auto frames = s.sheep.frames.size();
  EXPECT_EQ(s.cat.send_audio(++s.pts, "lost"), ESP_PEER_ERR_NONE);
  EXPECT_EQ(s.cat.send_video(3, access_unit(3, true, 5'000)), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(s.pump_until([&] { return asked >= 2; })) << "of each frame the first packet";
  ASSERT_EQ(s.seals[0].on(s.cat, sender), ESP_PEER_ERR_NONE);
  EXPECT_EQ(s.cat.send_audio(++s.pts, "behind it"), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(s.pump_until([&] { return s.sheep.frames.size() > frames; }));
  EXPECT_EQ(s.sheep.frames.back().body, "behind it");
  EXPECT_EQ(asked, 2) << "what is left of the picture is left out";
  EXPECT_EQ(s.cat.send_video(4, access_unit(4, true, 500)), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(s.pump_until([&] { return s.sheep.pictures.back().pts == 4; }));
  for (const auto& picture : s.sheep.pictures) EXPECT_NE(picture.pts, 3u);
}

// covers: changelog 38
TEST(RtpTransformer, what_it_does_not_support_passes_through) {
  Secret s;
  s.connect();
  const std::string& sdp = s.cat.descriptions.at(0);
  const auto opus = sdp.find(" opus/48000/2");
  ASSERT_NE(opus, sdp.npos);
  const auto begin = sdp.rfind(':', opus) + 1;
  for (EndToEnd* e : {&s.seals[0], &s.opens[1]}) {
    e->spared_payload_type = std::stoi(sdp.substr(begin, opus - begin));
  }
  s.seals[0].on(s.cat, sender);
  EXPECT_EQ(s.cat.send_audio(1, "in the clear"), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(s.pump_until([&] { return s.sheep.frames.size() == 1; }));
  EXPECT_EQ(s.sheep.frames[0].body, "in the clear");
  EXPECT_EQ(s.seals[0].worked, 0);
  s.opens[1].on(s.sheep, receiver);
  EXPECT_EQ(s.cat.send_video(1, access_unit(1, true)), ESP_PEER_ERR_NONE);
  EXPECT_EQ(s.cat.send_audio(2, "still"), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(
      s.pump_until([&] { return s.sheep.frames.size() == 2 && s.sheep.pictures.size() == 1; }));
  EXPECT_EQ(s.sheep.pictures[0].body, access_unit(1, true));
  EXPECT_EQ(s.sheep.frames[1].body, "still");
  EXPECT_GT(s.opens[1].worked, 0);
}

// As LiveKit's client does to say how loud somebody speaks [rfc6464].
TEST(RtpTransformer, adds_an_extension_to_the_header) {
  Secret s;
  s.connect();
  esp_peer_rtp_transform_cb_t loud = {
      [](esp_peer_rtp_frame_t* frame, bool* in_place, void*) -> int {
        if (frame->orig_data[0] & 0x10) return ESP_PEER_ERR_NOT_SUPPORT;
        frame->encoded_size = frame->orig_size + 8;
        *in_place = false;
        return ESP_PEER_ERR_NONE;
      },
      [](esp_peer_rtp_frame_t* frame, void*) -> int {
        const std::uint8_t extension[] = {0xBE, 0xDE, 0, 1, 0x20, 0x80 | 30, 0, 0};
        std::memcpy(frame->encoded_data, frame->orig_data, 12);
        frame->encoded_data[0] |= 0x10;
        std::memcpy(frame->encoded_data + 12, extension, 8);
        std::memcpy(frame->encoded_data + 20, frame->orig_data + 12, frame->orig_size - 12);
        return ESP_PEER_ERR_NONE;
      }};
  std::string seen;
  esp_peer_rtp_transform_cb_t listens = {
      [](esp_peer_rtp_frame_t* frame, bool*, void* ctx) -> int {
        static_cast<std::string*>(ctx)->assign(reinterpret_cast<const char*>(frame->orig_data),
                                               frame->orig_size);
        return ESP_PEER_ERR_NOT_SUPPORT;
      },
      [](esp_peer_rtp_frame_t*, void*) -> int { return ESP_PEER_ERR_FAIL; }};
  EXPECT_EQ(esp_peer_set_rtp_transformer(s.cat.handle, sender, &loud, nullptr), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_set_rtp_transformer(s.sheep.handle, receiver, &listens, &seen),
            ESP_PEER_ERR_NONE);
  s.film(3);
  EXPECT_TRUE(s.whole()) << "nobody needs it";
  EXPECT_EQ(s.cat.send_audio(s.pts, "loud"), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(s.pump_until([&] { return s.sheep.frames.back().body == "loud"; }));
  EXPECT_EQ(seen.substr(12), std::string("\xBE\xDE\0\1\x20\x9E\0\0loud", 12));
  EXPECT_EQ(EndToEnd::off(s.sheep, receiver), ESP_PEER_ERR_NONE);
}

// Packets come again by RTX as they went the first time, whatever the transformer would say now.
TEST(RtpTransformer, and_loss_go_together) {
  Wire wire;
  Secret s;
  std::atomic<unsigned> media = 0, lost = 0;
  s.cat.carry = [&](std::string sdp) { return wire.carry(Wire::cat, std::move(sdp)); };
  s.sheep.carry = [&](std::string sdp) { return wire.carry(Wire::sheep, std::move(sdp)); };
  wire.lose([&](Wire::Side from, const std::string& datagram) {
    const auto first = static_cast<unsigned char>(datagram[0]);
    const auto second = static_cast<unsigned char>(datagram[1]);
    const bool rtp = first >= 128 && first < 192 && (second < 192 || second > 223);
    const bool last = second & 0x80;  // of its frame: nothing would show that it is missing
    const bool loses =
        from == Wire::cat && rtp && !last && datagram.size() > 400 && ++media % 10 == 5;
    lost += loses;
    return loses;
  });
  s.open();
  for (std::size_t i = 0; i < 2; ++i) {
    Peer& peer = i == 0 ? s.cat : s.sheep;
    s.seals[i].on(peer, sender);
    s.opens[i].on(peer, receiver);
  }
  s.meet();
  s.film(40);
  EXPECT_TRUE(s.whole());
  EXPECT_GT(lost, 10u);
  EXPECT_EQ(s.opens[1].failed, 0);
  // Both sides have shown the same film.
  EXPECT_EQ(s.seals[0].worked, s.seals[1].worked) << "what was lost is not transformed once more";
  s.close();
}

TEST(RtpTransformer, more_than_there_is_room_for_is_dropped) {
  Secret s;
  s.sheep.ext.base.rtp_cfg.audio_recv_jitter.cache_timeout = 1;
  s.connect();
  struct Ask {
    std::uint32_t size;
    bool in_place;
    int answers = 0;
  };
  esp_peer_rtp_transform_cb_t greedy = {
      [](esp_peer_rtp_frame_t* frame, bool* in_place, void* ctx) -> int {
        frame->encoded_size = static_cast<Ask*>(ctx)->size;
        *in_place = static_cast<Ask*>(ctx)->in_place;
        ++static_cast<Ask*>(ctx)->answers;
        return ESP_PEER_ERR_NONE;
      },
      [](esp_peer_rtp_frame_t* frame, void*) -> int {
        if (frame->encoded_data != frame->orig_data) {
          std::memset(frame->encoded_data, 0, frame->encoded_size);
          std::memcpy(frame->encoded_data, frame->orig_data, 12);
        }
        frame->encoded_size += 1;  // and one more
        return ESP_PEER_ERR_NONE;
      }};
  std::uint32_t pts = 0;
  for (const std::uint32_t size : {0u, 11u, 12u, 100u, 1'213u, 100'000u, 0xFFFF'FFFFu}) {
    for (const bool in_place : {false, true}) {
      if (in_place && (size == 11 || size == 12 || size == 100)) continue;  // there is room
      Ask ask{size, in_place};
      esp_peer_set_rtp_transformer(s.cat.handle, sender, &greedy, &ask);
      EXPECT_EQ(s.cat.send_audio(++pts, "dropped"), ESP_PEER_ERR_NONE);
      EXPECT_TRUE(s.pump_until([&] { return ask.answers == 1; }));
      esp_peer_set_rtp_transformer(s.cat.handle, sender, nullptr, nullptr);
      EXPECT_EQ(s.cat.send_audio(++pts, "heard"), ESP_PEER_ERR_NONE);
      ASSERT_TRUE(s.pump_until([&] {
        return !s.sheep.frames.empty() && s.sheep.frames.back() == AudioFrame{pts, "heard"};
      }));
    }
  }
  for (const AudioFrame& frame : s.sheep.frames) EXPECT_EQ(frame.body, "heard");
}

TEST(RtpTransformer, calls_no_function_of_a_peer) {
  Secret s;
  s.connect();
  std::vector<int> answers;
  struct Context {
    Secret& s;
    std::vector<int>& answers;
  } context{s, answers};
  esp_peer_rtp_transform_cb_t meddles = {
      [](esp_peer_rtp_frame_t*, bool*, void* ctx) -> int {
        auto& [story, said] = *static_cast<Context*>(ctx);
        for (Peer* p : {&story.cat, &story.sheep}) {
          std::uint32_t bytes = 0;
          said.insert(said.end(),
                      {p->send_audio(0, "x"), p->send_video(0, access_unit(0, true)), p->send("x"),
                       esp_peer_main_loop(p->handle), esp_peer_disconnect(p->handle),
                       esp_peer_set_rtp_transformer(p->handle, sender, nullptr, nullptr),
                       esp_peer_ext_buffered_amount(p->handle, &bytes), esp_peer_close(p->handle)});
          esp_peer_query(p->handle);
        }
        return ESP_PEER_ERR_NOT_SUPPORT;
      },
      [](esp_peer_rtp_frame_t*, void*) -> int { return ESP_PEER_ERR_FAIL; }};
  ASSERT_EQ(esp_peer_set_rtp_transformer(s.cat.handle, sender, &meddles, &context),
            ESP_PEER_ERR_NONE);
  EXPECT_EQ(s.cat.send_audio(1, "sound"), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(s.pump_until([&] { return s.sheep.frames.size() == 1; }));
  EXPECT_EQ(answers, std::vector<int>(16, ESP_PEER_ERR_WRONG_STATE));
  EXPECT_FALSE(s.cat.has(ESP_PEER_STATE_DISCONNECTED));
  EXPECT_EQ(EndToEnd::off(s.cat, sender), ESP_PEER_ERR_NONE);
}

// covers: changelog 42
TEST(RtpTransformer, has_both_functions_and_a_role) {
  Peer peer;
  ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  for (const auto role : {sender, receiver}) {
    esp_peer_rtp_transform_cb_t none{nullptr, EndToEnd::seal}, half{EndToEnd::sealed_size, nullptr};
    EXPECT_EQ(esp_peer_set_rtp_transformer(peer.handle, role, &none, nullptr),
              ESP_PEER_ERR_INVALID_ARG);
    EXPECT_EQ(esp_peer_set_rtp_transformer(peer.handle, role, &half, nullptr),
              ESP_PEER_ERR_INVALID_ARG);
    EXPECT_EQ(EndToEnd::off(peer, role), ESP_PEER_ERR_NONE);
  }
}

// What it works with may be freed as soon as another one is set.
TEST(RtpTransformer, is_changed_while_others_send) {
  Secret s;
  for (Peer* p : {&s.cat, &s.sheep}) p->ext.loop_wait_ms = 20;
  s.open();
  s.begin();
  s.cat.run();
  s.sheep.run();
  ASSERT_TRUE(s.both_wait(ESP_PEER_STATE_CONNECTED));
  std::atomic<bool> go_on{true};
  std::thread films([&] {
    for (std::uint32_t pts = 0; go_on; pts += 33) {
      s.cat.send_video(pts, access_unit(pts, true, 2'000));
      s.cat.send_audio(pts, "sound");
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < 50; ++i) {
    auto seals = std::make_unique<EndToEnd>(), opens = std::make_unique<EndToEnd>();
    EXPECT_EQ(seals->on(s.cat, sender), ESP_PEER_ERR_NONE);
    EXPECT_EQ(opens->on(s.sheep, receiver), ESP_PEER_ERR_NONE);
    const auto end = std::chrono::steady_clock::now() + patience;
    while (seals->worked == 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
    EXPECT_GT(seals->worked, 0);
    EXPECT_EQ(EndToEnd::off(s.sheep, receiver), ESP_PEER_ERR_NONE);
    EXPECT_EQ(EndToEnd::off(s.cat, sender), ESP_PEER_ERR_NONE);
  }
  go_on = false;
  films.join();
  s.close();
}

}  // namespace
}  // namespace esp_peer::test
