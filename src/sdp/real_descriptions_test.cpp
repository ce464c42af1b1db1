// Descriptions that real peers wrote, and what our parser makes of each.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/sdp_samples.hpp"

namespace esp_peer::sdp {
namespace {

struct Row {
  const char* name;
  std::size_t sections;
  int data = -1;  // the index of the data section
  const char* mid = "";
  Setup setup = Setup::absent;
  const char* ufrag = "";
  std::size_t candidates = 0;
  std::uint16_t sctp_port = 0;
  std::uint32_t max_message_size = 0;
  bool end_of_candidates = false;
  const char* fingerprint = "";  // how it begins
  bool trickle = false, old_form = false;
};

// Taken from the texts by a script that knows nothing of our parser. Credentials and candidates are
// those of the section that the BUNDLE group names first.
constexpr Row rows[] = {
    {"aiortc_answer_data", 1, 0, "0", Setup::active, "JfIY", 2, 5000, 65536, true,
     "sha-256 18:05:01:C0", false, true},
    {"aiortc_offer_data", 1, 0, "0", Setup::actpass, "d6oY", 2, 5000, 65536, true,
     "sha-256 B2:96:2A:FA", false, true},
    {"aiortc_offer_h264", 2, 1, "1", Setup::actpass, "6asr", 2, 5000, 65536, true,
     "sha-256 17:BA:53:5C", false, true},
    {"chromium_answer", 3, 2, "2", Setup::active, "jcbS", 1, 5000, 262144, false,
     "sha-256 AE:9D:B6:65", true, false},
    {"chromium_answer_vs_chromium_snap_data", 1, 0, "0", Setup::active, "35VZ", 1, 5000, 262144,
     false, "sha-256 DA:3E:16:50", true, false},
    {"chromium_data_answer", 1, 0, "0", Setup::active, "9Crs", 1, 5000, 262144, false,
     "sha-256 D8:F0:F3:05", true, false},
    {"chromium_data_offer", 1, 0, "0", Setup::actpass, "7xvU", 2, 5000, 262144, false,
     "sha-256 23:6E:97:AF", true, false},
    {.name = "chromium_h264only_answer", .sections = 1},
    {.name = "chromium_h264only_offer", .sections = 1},
    {"chromium_maxcompat_answer", 3, 2, "2", Setup::active, "xZ6R", 1, 5000, 262144, false,
     "sha-256 BA:B9:38:5E", true, false},
    {"chromium_maxcompat_offer", 3, 2, "2", Setup::actpass, "OkI6", 2, 5000, 262144, false,
     "sha-256 5D:4C:C1:EC", true, false},
    {"chromium_offer", 3, 2, "2", Setup::actpass, "32NB", 2, 5000, 262144, false,
     "sha-256 E0:BA:6B:CC", true, false},
    {"chromium_offer_vs_chromium_snap_data", 1, 0, "0", Setup::actpass, "xBO6", 2, 5000, 262144,
     false, "sha-256 9E:F3:DF:BB", true, false},
    {.name = "chromium_recvonly_answer", .sections = 2},
    {.name = "chromium_recvonly_offer", .sections = 2},
    {"chromium_reoffer_stopped_icerestart_answer", 3, 2, "2", Setup::active, "3HNs", 0, 5000,
     262144, false, "sha-256 AE:9D:B6:65", true, false},
    {"chromium_reoffer_stopped_icerestart_offer", 3, 2, "2", Setup::actpass, "D3TW", 0, 5000,
     262144, false, "sha-256 E0:BA:6B:CC", true, false},
    {.name = "chromium_simulcast_answer", .sections = 1},
    {.name = "chromium_simulcast_offer", .sections = 1},
    {.name = "chromium_twovideo_answer", .sections = 4},
    {.name = "chromium_twovideo_offer", .sections = 4},
    {"firefox_answer", 3, 2, "2", Setup::active, "8d5e4ba5", 4, 5000, 1073741823, true,
     "sha-256 A5:47:1F:34", true, false},
    {"firefox_data_answer", 1, 0, "0", Setup::active, "3a286c93", 4, 5000, 1073741823, true,
     "sha-256 46:5E:75:59", true, false},
    {"firefox_data_offer", 1, 0, "0", Setup::actpass, "9e32427a", 4, 5000, 1073741823, true,
     "sha-256 70:11:09:8D", true, false},
    {"firefox_maxcompat_answer", 3, 2, "2", Setup::active, "8b17e366", 4, 5000, 1073741823, true,
     "sha-256 8F:78:6E:66", true, false},
    {"firefox_maxcompat_offer", 3, 2, "2", Setup::actpass, "091afc8c", 8, 5000, 1073741823, true,
     "sha-256 12:A5:00:E5", true, false},
    {"firefox_offer", 3, 2, "2", Setup::actpass, "d79ae3d6", 8, 5000, 1073741823, true,
     "sha-256 DF:35:A6:5C", true, false},
    {.name = "firefox_recvonly_answer", .sections = 2},
    {.name = "firefox_recvonly_offer", .sections = 2},
    {"firefox_reoffer_stopped_icerestart_answer", 3, 2, "2", Setup::active, "e7cb4dad", 0, 5000,
     1073741823, false, "sha-256 A5:47:1F:34", true, false},
    {"firefox_reoffer_stopped_icerestart_offer", 3, 2, "2", Setup::actpass, "82dbe64d", 0, 5000,
     1073741823, false, "sha-256 DF:35:A6:5C", true, false},
    {.name = "firefox_simulcast_answer", .sections = 1},
    {.name = "firefox_simulcast_offer", .sections = 1},
    {.name = "firefox_twovideo_answer", .sections = 4},
    {.name = "firefox_twovideo_offer", .sections = 4},
    {"firefoxgmp_answer", 3, 2, "2", Setup::active, "fb216972", 4, 5000, 1073741823, true,
     "sha-256 76:43:17:3A", true, false},
    {"firefoxgmp_data_answer", 1, 0, "0", Setup::active, "39ffc263", 4, 5000, 1073741823, true,
     "sha-256 FB:C8:42:7B", true, false},
    {"firefoxgmp_data_offer", 1, 0, "0", Setup::actpass, "86fad30f", 4, 5000, 1073741823, true,
     "sha-256 41:73:16:EB", true, false},
    {.name = "firefoxgmp_h264only_answer", .sections = 1},
    {.name = "firefoxgmp_h264only_offer", .sections = 1},
    {"firefoxgmp_maxcompat_answer", 3, 2, "2", Setup::active, "3c5b50fc", 4, 5000, 1073741823, true,
     "sha-256 A6:B6:E7:97", true, false},
    {"firefoxgmp_maxcompat_offer", 3, 2, "2", Setup::actpass, "60b2e3a4", 8, 5000, 1073741823, true,
     "sha-256 DB:0A:37:45", true, false},
    {"firefoxgmp_offer", 3, 2, "2", Setup::actpass, "44bcd881", 8, 5000, 1073741823, true,
     "sha-256 36:0F:F8:BE", true, false},
    {.name = "firefoxgmp_recvonly_answer", .sections = 2},
    {.name = "firefoxgmp_recvonly_offer", .sections = 2},
    {"firefoxgmp_reoffer_stopped_icerestart_answer", 3, 2, "2", Setup::active, "b16dae70", 0, 5000,
     1073741823, false, "sha-256 76:43:17:3A", true, false},
    {"firefoxgmp_reoffer_stopped_icerestart_offer", 3, 2, "2", Setup::actpass, "cd6824ad", 0, 5000,
     1073741823, false, "sha-256 36:0F:F8:BE", true, false},
    {.name = "firefoxgmp_simulcast_answer", .sections = 1},
    {.name = "firefoxgmp_simulcast_offer", .sections = 1},
    {.name = "firefoxgmp_twovideo_answer", .sections = 4},
    {.name = "firefoxgmp_twovideo_offer", .sections = 4},
    {"gst_answer_data", 1, 0, "application0", Setup::active, "TFcuzueSLkhXvEzsF1J/D90BU5n/29kY", 9,
     5000, 65536, false, "sha-256 3E:56:B6:2B", true, false},
    {"gst_offer_data", 1, 0, "application0", Setup::actpass, "rsBGqBxXVA3ebIch70CQO6rksGZM7c9h", 8,
     5000, 65536, false, "sha-256 77:9F:A5:B2", true, false},
    {"gst_offer_h264", 2, 1, "application1", Setup::actpass, "gXVRR1fsodLEMIjcpKhYeqc31n433Ec2", 8,
     5000, 65536, false, "sha-256 FC:B9:87:0C", true, false},
    {"ndc_answer_data", 1, 0, "0", Setup::active, "TCQR", 2, 5000, 262144, true,
     "sha-256 0F:E3:1A:77", true, true},
    {"ndc_offer_data", 1, 0, "0", Setup::actpass, "DwMI", 2, 5000, 262144, true,
     "sha-256 F1:9C:65:02", true, false},
    {.name = "ndc_offer_h264", .sections = 1},
    {"pion_answer_data", 1, 0, "0", Setup::active, "RSNZvGDJqJCzaCRE", 2, 5000, 65536, true,
     "sha-256 5C:0E:18:D2", false, false},
    {"pion_answer_h264", 2, 1, "1", Setup::active, "XCnKfdZcxwJXPEgr", 6, 5000, 65536, true,
     "sha-256 56:D1:8A:D8", false, false},
    {"pion_offer_data", 1, 0, "0", Setup::actpass, "QiKjCecpNTjzZDUz", 6, 5000, 65536, true,
     "sha-256 E7:C2:B7:EB", false, false},
    {"werift_answer_data", 1, 0, "0", Setup::active, "9128", 2, 5000, 65536, true,
     "sha-256 1C:DA:98:68", true, false},
    {"werift_answer_h264", 2, 1, "application1", Setup::active, "8fbf", 2, 5000, 65536, true,
     "sha-256 2C:9E:CC:3B", true, false},
    {"werift_offer_data", 1, 0, "0", Setup::actpass, "0e4b", 2, 5000, 65536, true,
     "sha-256 7C:29:80:B2", true, false},
    {"wrtc_answer_data", 1, 0, "0", Setup::active, "H6BC", 4, 5000, 65536, false,
     "sha-256 42:A1:F7:87", true, true},
    {"wrtc_offer_data", 1, 0, "0", Setup::actpass, "IGwy", 8, 5000, 262144, false,
     "sha-256 AA:C0:9A:11", true, false},
};

TEST(RealDescriptions, every_captured_one_is_in_the_table) {
  std::set<std::string> files, names;
  for (const auto& file : std::filesystem::directory_iterator(sample_folder())) {
    files.insert(file.path().stem().string());
  }
  for (const Row& row : rows) names.insert(row.name);
  EXPECT_EQ(files, names);
}

TEST(RealDescriptions, say_what_the_table_says) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string text = sample(row.name);
    Description d;
    ASSERT_TRUE(parse(text, d));
    EXPECT_EQ(d.media.size(), row.sections);
    EXPECT_NE(d.session_id_number, 0u);
    EXPECT_FALSE(d.ice_lite);
    Remote remote;
    const Status usable = read_remote(d, {}, remote);
    if (row.data < 0) {
      ASSERT_FALSE(usable);
      EXPECT_EQ(usable.error().code, Errc::unsupported);
      EXPECT_STREQ(usable.error().what, "no m=application section for webrtc-datachannel");
      continue;
    }
    ASSERT_TRUE(usable) << usable.error().what;
    EXPECT_EQ(remote.data->section, static_cast<std::size_t>(row.data));
    EXPECT_EQ(remote.data->mid, row.mid);
    EXPECT_EQ(remote.setup, row.setup);
    EXPECT_EQ(remote.ufrag, row.ufrag);
    EXPECT_GE(remote.password.size(), 22u);
    EXPECT_EQ(remote.candidates.size(), row.candidates);
    EXPECT_EQ(remote.data->sctp_port, row.sctp_port);
    EXPECT_EQ(remote.data->max_message_size, row.max_message_size);
    EXPECT_EQ(remote.end_of_candidates, row.end_of_candidates);
    ASSERT_EQ(remote.fingerprints.size(), 1u);
    EXPECT_TRUE(remote.fingerprints[0].starts_with(row.fingerprint)) << remote.fingerprints[0];
    EXPECT_EQ(remote.pacing_ms, 50u);
    EXPECT_EQ(d.trickle, row.trickle);
    EXPECT_EQ(d.media[remote.data->section].old_sctp_form, row.old_form);
    for (const auto candidate : remote.candidates) {
      EXPECT_TRUE(candidate.starts_with("candidate:"));
    }
  }
}

TEST(RealDescriptions, mean_the_same_with_bare_line_feeds_and_without_a_last_line_end) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string text = sample(row.name);
    const std::string variants[] = {without(text, "\r"), text.substr(0, text.size() - 2),
                                    replaced(text, "\r\n", " \r\n"),
                                    replaced(text, "\r\n", "\r\n\r\n\t"),
                                    replaced(text, "\r\na=", "\r\nx=?\r\na=no-such-thing:1\r\na=")};
    Description d;
    ASSERT_TRUE(parse(text, d));
    const std::string meaning = print(d);
    for (const auto& variant : variants) {
      Description other;
      ASSERT_TRUE(parse(variant, other));
      EXPECT_EQ(print(other), meaning);
    }
  }
}

TEST(RealDescriptions, are_answered_section_by_section) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string text = sample(row.name);
    Description offer;
    ASSERT_TRUE(parse(text, offer));
    std::vector<char> room(20'000);
    auto size = write_answer(our_side(Setup::active), offer, room);
    ASSERT_EQ(static_cast<bool>(size), row.data >= 0);
    if (row.data < 0) continue;
    Description answer;
    ASSERT_TRUE(parse({room.data(), *size}, answer));
    ASSERT_EQ(answer.media.size(), offer.media.size());
    const Media& data = offer.media[static_cast<std::size_t>(row.data)];
    Remote theirs;
    ASSERT_TRUE(read_remote(offer, {}, theirs));
    const Media& tagged = offer.media[theirs.transport];
    for (std::size_t i = 0; i < offer.media.size(); ++i) {
      const Media &asked = offer.media[i], &given = answer.media[i];
      EXPECT_EQ(given.media, asked.media);
      EXPECT_EQ(given.mid, asked.mid);
      EXPECT_EQ(given.protocol, asked.protocol);
      EXPECT_TRUE(asked.formats.starts_with(given.formats));
      EXPECT_EQ(answer.rejected(given), &asked != &data && &asked != &tagged);
      EXPECT_EQ(given.candidates.size(), &asked == &tagged ? 2u : 0u);
      EXPECT_FALSE(given.bundle_only);
      EXPECT_EQ(given.old_sctp_form, asked.old_sctp_form);
    }
    const std::string mids = &tagged == &data ? row.mid : std::string(tagged.mid) + " " + row.mid;
    EXPECT_EQ(answer.bundle, mids);
    EXPECT_EQ(answer.trickle, row.trickle);
    Remote ours;
    EXPECT_TRUE(read_remote(answer, {}, ours));
    EXPECT_EQ(ours.data->section, static_cast<std::size_t>(row.data));
    EXPECT_EQ(ours.setup, Setup::active);
  }
}

// A copy on the heap, exactly as large: a sanitizer sees any byte read past the end.
void parse_exactly(const char* bytes, std::size_t size) {
  const std::vector<char> copy(bytes, bytes + size);
  static Description d;  // large, and parse() clears it
  if (!parse({copy.data(), copy.size()}, d)) return;
  for (const auto codec : {AudioCodec::none, AudioCodec::g711u, AudioCodec::opus}) {
    Remote remote;
    if (!read_remote(d, {true, codec}, remote)) continue;
    ASSERT_LT(remote.transport, d.media.size());
    ASSERT_TRUE(remote.data || remote.audio);
    std::vector<char> room(copy.size() + 2000);
    Local local = our_side(Setup::active);
    local.audio.codec = codec;
    ASSERT_TRUE(write_answer(local, d, room));
  }
}

// covers: bug 43
TEST(RealDescriptions, cut_at_any_byte_do_no_harm) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string text = sample(row.name);
    // Small ones at each byte; large ones at each byte of their end and at a stride before it.
    for (std::size_t n = 0; n <= text.size();
         n += text.size() < 1200 || n + 300 > text.size() ? 1 : 37) {
      parse_exactly(text.data(), n);
    }
  }
}

// covers: bug 43
TEST(RealDescriptions, with_bytes_changed_removed_and_doubled_do_no_harm) {
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string text = sample(row.name);
    for (int round = 0; round < 150; ++round) {
      std::string mutant = text;
      for (std::size_t changes = 1 + below(4); changes > 0 && !mutant.empty(); --changes) {
        const std::size_t at = below(mutant.size()), size = 1 + below(40);
        constexpr std::string_view splinters[] = {
            "", "\r\n", " ", ":", "=", "\xFF", "0", "\nm=", "\na=", "99999999999999999999"};
        switch (below(4)) {
          case 0:
            mutant[at] = static_cast<char>(random());
            break;
          case 1:
            mutant.erase(at, size);
            break;
          case 2:
            mutant.insert(at, mutant.substr(at, size * 20));
            break;
          case 3:
            mutant.insert(at, splinters[below(std::size(splinters))]);
            break;
        }
      }
      parse_exactly(mutant.data(), mutant.size());
    }
  }
}

}  // namespace
}  // namespace esp_peer::sdp
