// A film of H.264 that begins anew where it ends, and goes on with a keyframe when one is asked
// for.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

// Read once, shown to everybody.
class TestPicture {
 public:
  static constexpr int width = 640, height = 360, frames_per_second = 25;

  // Empty unless this is a file of H.264 that begins with a keyframe and whose pictures are each
  // preceded by an access unit delimiter, as picture/make has them.
  explicit TestPicture(const std::string& file) {
    using namespace std::string_view_literals;
    constexpr auto delimiter = "\0\0\0\1\x09"sv;  // its start code occurs nowhere inside a picture
    std::ifstream in(file, std::ios::binary);
    const std::string film{std::istreambuf_iterator<char>(in), {}};
    for (auto at = film.find(delimiter); at != film.npos;) {
      const auto next = film.find(delimiter, at + 1);
      pictures_.push_back(film.substr(at, next == film.npos ? next : next - at));
      at = next;
    }
    if (!pictures_.empty() && !is_keyframe(0)) pictures_.clear();
  }
  bool empty() const { return pictures_.empty(); }
  std::size_t size() const { return pictures_.size(); }
  const std::string& operator[](std::size_t i) const { return pictures_[i]; }
  bool is_keyframe(std::size_t i) const {
    using namespace std::string_view_literals;
    return pictures_[i].find("\0\0\1\x65"sv) != std::string::npos;  // an IDR slice
  }

 private:
  std::vector<std::string> pictures_;  // access units, Annex B
};

// How far somebody has seen it.
class Showing {
 public:
  explicit Showing(const TestPicture& film) : film_(film) {}

  void skip_to_keyframe() {
    while (!film_.is_keyframe(at_)) at_ = (at_ + 1) % film_.size();
  }
  const std::string& next() {
    const std::string& picture = film_[at_];
    at_ = (at_ + 1) % film_.size();
    return picture;
  }

 private:
  const TestPicture& film_;
  std::size_t at_ = 0;
};
