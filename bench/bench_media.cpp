// Measures video on its way: frames cut into packets, sealed, over UDP sockets of the loopback
// device, opened, and joined again. bench/media.mjs reads the one line of JSON that comes out.
//
//   bench_media seal BACKEND PROFILE SIZE COUNT
//       SRTP alone: so many packets of that size sealed and opened
//   bench_media path BACKEND PROFILE FRAMES [paced|heap]
//       two MediaSessions with keys of no handshake, on sockets of the Linux runner, in one thread:
//       all of the library but ICE and DTLS. The sessions are told 33 ms between two frames,
//       however long that takes here. All packets of a frame are sent at once; `paced`: as the
//       pacer lets them go, which is two or three at a time. Memory is the runner's PoolMemory;
//       `heap`: the heap, which is what peers of the C API use.
//   bench_media peers FRAMES
//       two peers of the C API, a thread each, connected by ICE and DTLS; frames go as fast as
//       they are taken, at most three on their way
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "backends/libsrtp/backend.hpp"
#include "backends/openssl/provider.hpp"
#include "backends/openssl_srtp/backend.hpp"
#include "base/tx_batch.hpp"
#include "bench/allocations.hpp"
#include "esp_peer_ext.h"
#include "peer/media_session.hpp"
#include "runner/linux/heap_memory.hpp"
#include "runner/linux/pool_memory.hpp"
#include "runner/linux/udp_sockets.hpp"

namespace {

using namespace esp_peer;
using Clock = std::chrono::steady_clock;
using crypto::SrtpProfile;

constexpr std::size_t frame_size = 30'000;

struct Meter {
  Clock::time_point begin = Clock::now();
  double cpu = cpu_seconds();
  std::uint64_t allocations = bench::allocations();

  static double cpu_seconds() {
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds(use.ru_utime) + seconds(use.ru_stime);
  }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin).count(); }
  void report(double packets, double frames) const {
    const double s = seconds(), used = cpu_seconds() - cpu;
    const auto blocks = static_cast<double>(bench::allocations() - allocations);
    std::printf(
        "{\"packets_per_second\":%.0f,\"frames_per_second\":%.0f,\"cpu_us_per_packet\":%.3f,"
        "\"allocations_per_packet\":%.4f}\n",
        packets / s, frames / s, used * 1e6 / packets, blocks / packets);
  }
};

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "bench_media: %s\n", why);
  std::exit(1);
}

srtp::Backend& backend_of(std::string_view name) {
  if (name == "libsrtp") return libsrtp::backend();
  if (name == "openssl") return openssl_srtp::backend();
  fail("no such SRTP backend");
}
SrtpProfile profile_of(std::string_view name) {
  if (name == "gcm") return SrtpProfile::aead_aes_128_gcm;
  if (name == "gcm256") return SrtpProfile::aead_aes_256_gcm;
  if (name == "cm") return SrtpProfile::aes128_cm_sha1_80;
  fail("no such profile");
}

// Parameter sets and one picture, as a camera gives a keyframe.
std::vector<std::byte> picture() {
  std::vector<std::byte> out;
  for (const int type : {0x67, 0x68, 0x65}) {
    for (const int b : {0, 0, 0, 1, type}) out.push_back(std::byte(b));
    const std::size_t end = type == 0x65 ? frame_size : out.size() + 12;
    while (out.size() < end) out.push_back(std::byte(1 + out.size() % 250));
  }
  return out;
}

struct End {
  End(srtp::Backend& backend, SrtpProfile profile, bool client, bool on_heap)
      : memory(on_heap ? static_cast<Memory&>(heap) : pool), keys(profile, client) {
    for (std::size_t i = 0; i < keys.exported.size(); ++i) keys.exported[i] = std::byte(i * 7);
    session.emplace(peer::MediaLimits{}, keys, backend, Env{memory, random, {}});
    if (!session->ok()) fail("no SRTP");
    peer::NegotiatedVideo video;
    video.format = sdp::offered_format(sdp::VideoCodec::h264);
    video.format.nack = video.format.pli = true;
    video.accepted.push_back(video.format);
    video.direction = sdp::Direction::sendrecv;
    video.local_ssrc = client ? 1 : 3;
    video.local_rtx_ssrc = client ? 2 : 4;
    video.cname.assign("bench");
    session->change(Instant(), std::nullopt, video);
    const Address any_port[] = {Address::v4(127, 0, 0, 1, 0)};
    const auto bound = sockets.open(any_port);
    if (bound.size() != 1) fail("no socket");
    address = bound[0];
  }
  void send(const TxBatch& batch) {
    for (const TxBatch::Run& run : batch.runs()) packets_sent += run.count;
    sockets.send(batch);
    if (!sockets.can_send()) fail("the kernel has no room");
  }

  linux_runner::PoolMemory pool;
  linux_runner::HeapMemory heap;
  Memory& memory;
  openssl::SystemRandom random;
  peer::MediaKeys keys;
  std::optional<peer::MediaSession> session;
  linux_runner::UdpSockets sockets;
  Address address;
  std::uint64_t packets_sent = 0;
};

class Path {
 public:
  Path(srtp::Backend& backend, SrtpProfile profile, bool paced, bool on_heap)
      : camera_(backend, profile, true, on_heap),
        screen_(backend, profile, false, on_heap),
        paced_(paced) {}

  void run(std::uint64_t frames) {
    for (std::uint64_t i = 0; i < frames; ++i) {
      frame_at_ += milliseconds(33);
      turn(frame_at_);
      const auto pts = static_cast<std::uint32_t>(frame_at_.time_since_epoch().count() / 1000);
      if (!camera_.session->send_video(frame_at_, pts, picture_)) fail("a frame was refused");
      Instant now = frame_at_;
      const std::uint64_t wanted = shown_ + 1;
      for (int turns = 0; shown_ != wanted; ++turns) {
        if (turns == 1000) fail("a frame was lost");
        write(camera_, screen_, now);
        const auto next = camera_.session->next_deadline();
        const bool more = next && *next < frame_at_ + milliseconds(33);
        if (more) now = std::max(now, *next);
        camera_.session->on_deadline(now);
        if (!paced_ && more) continue;
        flush(camera_);
        read(now);
      }
    }
  }
  std::uint64_t packets() const { return camera_.packets_sent; }

 private:
  // Reports of both, and what they ask each other for.
  void turn(Instant now) {
    for (End* end : {&camera_, &screen_}) {
      End& other = end == &camera_ ? screen_ : camera_;
      end->session->on_deadline(now);
      write(*end, other, now);
      flush(*end);
      other.sockets.receive(
          [&](const Route&, MutableBytes datagram) { other.session->on_packet(now, datagram); });
    }
  }
  void write(End& from, const End& to, Instant now) {
    while (const std::size_t size = from.session->write_packet(now, batch_.room())) {
      batch_.commit({from.address, to.address}, size);
    }
  }
  void flush(End& from) {
    from.send(batch_);
    batch_.clear();
  }
  void read(Instant now) {
    screen_.sockets.receive(
        [&](const Route&, MutableBytes datagram) { screen_.session->on_packet(now, datagram); });
    while (const auto frame = screen_.session->read_video(now)) {
      if (!equal(frame->data.bytes(), picture_)) fail("a frame came broken");
      ++shown_;
    }
  }

  const std::vector<std::byte> picture_ = picture();
  End camera_, screen_;
  bool paced_;
  Instant frame_at_{seconds(1)};
  std::uint64_t shown_ = 0;
  std::vector<std::byte> room_ = std::vector<std::byte>(128 * 1024);
  std::array<TxBatch::Run, 64> runs_{};
  TxBatch batch_{room_, runs_};
};

void path(std::string_view backend, std::string_view profile, std::uint64_t frames,
          std::string_view how) {
  Path path(backend_of(backend), profile_of(profile), how == "paced", how == "heap");
  path.run(frames / 10 + 100);  // until everything has its size
  const Meter meter;
  const std::uint64_t before = path.packets();
  path.run(frames);
  meter.report(static_cast<double>(path.packets() - before), static_cast<double>(frames));
}

void seal(srtp::Backend& backend, SrtpProfile profile, std::size_t size, std::uint64_t count) {
  linux_runner::PoolMemory memory;
  openssl::SystemRandom random;
  const Env env{memory, random, {}};
  const std::vector<std::byte> exported(srtp::exported_size(profile), std::byte{7});
  srtp::Session ours(profile, exported, true, backend, env),
      theirs(profile, exported, false, backend, env);
  std::vector<std::byte> room(size + srtp::max_growth);
  const auto run = [&](std::uint32_t ssrc, std::uint64_t packets) {
    for (std::uint64_t i = 0; i < packets; ++i) {
      Writer out(room);
      rtp::write(out, {false, 96, static_cast<std::uint16_t>(i), 0, rtp::Ssrc{ssrc}});
      const std::size_t sealed = ours.seal_rtp(room, size);
      if (theirs.open_rtp(Instant(), MutableBytes(room).first(sealed)).size() != size) {
        fail("a packet was lost");
      }
    }
  };
  run(1, count / 10 + 1000);
  const Meter meter;
  run(2, count);
  meter.report(static_cast<double>(count), 0);
}

// ---------------------------------------------------------------- the C API

struct Peer {
  explicit Peer(esp_peer_role_t role) {
    esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
    ext.loopback_only = true;
    ext.base.agent_recv_timeout = 10;
    ext.base.rtp_cfg.send_pool_size = 8'000'000;
    ext.base.rtp_cfg.video_recv_jitter.cache_size = 8'000'000;
    esp_peer_cfg_t cfg{};
    cfg.role = role;
    cfg.no_auto_reconnect = true;
    cfg.video_info = {ESP_PEER_VIDEO_CODEC_H264, 1280, 720, 30};
    cfg.video_dir = role == ESP_PEER_ROLE_CONTROLLING ? ESP_PEER_MEDIA_DIR_SEND_ONLY
                                                      : ESP_PEER_MEDIA_DIR_RECV_ONLY;
    cfg.extra_cfg = &ext;
    cfg.extra_size = sizeof(ext);
    cfg.ctx = this;
    cfg.on_msg = [](esp_peer_msg_t* msg, void* ctx) {
      return esp_peer_send_msg(static_cast<Peer*>(ctx)->other->handle, msg);
    };
    cfg.on_state = [](esp_peer_state_t state, void* ctx) {
      if (state == ESP_PEER_STATE_CONNECTED) static_cast<Peer*>(ctx)->connected = true;
      return 0;
    };
    cfg.on_video_data = [](esp_peer_video_frame_t* frame, void* ctx) {
      auto& self = *static_cast<Peer*>(ctx);
      if (frame->size == static_cast<int>(frame_size)) ++self.frames;
      self.frames.notify_one();
      return 0;
    };
    if (esp_peer_open(&cfg, esp_peer_get_default_impl(), &handle) != ESP_PEER_ERR_NONE) {
      fail("no peer");
    }
  }
  Peer(const Peer&) = delete;
  ~Peer() {
    running = false;
    if (loop.joinable()) loop.join();
    esp_peer_close(handle);
  }
  void run() {
    loop = std::thread([this] {
      while (running) esp_peer_main_loop(handle);
    });
  }

  esp_peer_handle_t handle = nullptr;
  Peer* other = nullptr;
  std::atomic<bool> connected{false}, running{true};
  std::atomic<std::uint64_t> frames{0};
  std::thread loop;
};

void peers(std::uint64_t frames) {
  Peer camera(ESP_PEER_ROLE_CONTROLLING), screen(ESP_PEER_ROLE_CONTROLLED);
  camera.other = &screen;
  screen.other = &camera;
  esp_peer_new_connection(screen.handle);
  esp_peer_new_connection(camera.handle);
  camera.run();
  screen.run();
  const auto begin = Clock::now();
  while (!camera.connected || !screen.connected) {
    if (Clock::now() - begin > std::chrono::seconds(20)) fail("no connection");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::vector<std::byte> picture = ::picture();
  std::uint64_t given = 0;
  // Whoever started us ends us if a frame should never come.
  const auto run = [&](std::uint64_t until) {
    for (; given < until; ++given) {
      for (std::uint64_t shown; given - (shown = screen.frames) >= 3;) screen.frames.wait(shown);
      esp_peer_video_frame_t frame{static_cast<std::uint32_t>(given * 33),
                                   reinterpret_cast<std::uint8_t*>(picture.data()),
                                   static_cast<int>(picture.size())};
      if (esp_peer_send_video(camera.handle, &frame) != ESP_PEER_ERR_NONE) fail("refused");
    }
    for (std::uint64_t shown; (shown = screen.frames) < given;) screen.frames.wait(shown);
  };
  run(frames);  // the pace grows with what is sent, until nothing waits for it
  const Meter meter;
  run(2 * frames);
  // A frame of this size is so many packets [H264Packetizer].
  constexpr double packets_per_frame = 1 + (frame_size - 1) / 1180;
  meter.report(static_cast<double>(frames) * packets_per_frame, static_cast<double>(frames));
}

}  // namespace

int main(int argc, char** argv) {
  const auto word = [&](int i) { return std::string_view(i < argc ? argv[i] : ""); };
  const auto number = [&](int i) { return i < argc ? std::strtoull(argv[i], nullptr, 10) : 0; };
  if (word(1) == "seal") {
    seal(backend_of(word(2)), profile_of(word(3)), number(4), number(5));
  } else if (word(1) == "path") {
    path(word(2), word(3), number(4), word(5));
  } else if (word(1) == "peers") {
    peers(number(2));
  } else {
    fail("no such measurement");
  }
  return 0;
}
