// The application of one peer in a run: opens channels, sends what the plan says, and holds every
// message that comes against the ledger.
#pragma once
#include <map>
#include <string>

#include "sim/ledger.hpp"
#include "sim/peer.hpp"
#include "sim/plan.hpp"

namespace esp_peer::sim {

class Application {
 public:
  // `index` names it in the ledger: 0 or 1.
  Application(World& world, Ledger& ledger, Peer& peer, int index, const Plan& plan);
  Application(const Application&) = delete;
  void set_other(Application& other) { other_ = &other; }

  void hear(const peer::Event& event);
  void hear(const datachannel::Message& message);

  // Closes the channels of one of the labels, also those that are not open yet. What this side said
  // on them arrives; what it has not heard is lost. Now and then another is opened instead.
  void close_a_channel(Rng& rng);

  // Has said all that it was going to say on this connection.
  bool finished() const;
  int connections() const { return connections_; }  // that became open, ever
  int ends() const { return ends_; }                // disconnected or failed, ever
  int closes() const { return closes_; }            // of channels, that it asked for

 private:
  struct Channel {
    std::string label;
    Promise promise;
    int left = 0;  // messages to send
    int said = 0;
  };
  void create_channels();
  void create_channel();
  void close(const std::string& label);
  void begin(datachannel::StreamId stream);
  void say_next(std::uint16_t stream);
  void later(Duration delay, std::uint16_t stream);
  void on_closed(std::uint16_t stream);
  void on_end();
  std::size_t draw_size(const Channel& channel);
  Line line(std::uint16_t stream) const { return {index_, peer_.attempts(), stream}; }

  World& world_;
  Ledger& ledger_;
  Peer& peer_;
  int index_;
  const Plan& plan_;
  Rng rng_;
  Application* other_ = nullptr;
  std::map<std::uint16_t, Channel> channels_;  // of this connection
  struct Opening {
    std::string label;
    bool other_has_closed = false;
  };
  std::map<std::uint16_t, Opening> to_open_;  // channels of ours that are not open yet
  int created_ = 0;                           // on this connection
  bool connected_ = false;
  int connections_ = 0, ends_ = 0, closes_ = 0;
};

}  // namespace esp_peer::sim
