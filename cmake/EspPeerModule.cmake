# esp_peer_module(name folder [without])
# One folder is one module: every *.cpp in it but its *_test.cpp, which tests/ makes into the program
# <name>_test; `without`: nor those that match it. Of two files for the same job, *_x86.cpp and
# *_portable.cpp, the processor chooses.
function(esp_peer_module name folder)
  esp_peer_objects(${name} ${folder} ${ARGN})
  set_property(GLOBAL APPEND PROPERTY ESP_PEER_MODULES esp_peer_${name})
endfunction()

# esp_peer_tls(name library...)
# backends/<name>, a module over one TLS library, and backends/tls/<name>.cpp, by which the C API
# finds it: for a library of ours that esp_peer_library() makes with this name.
function(esp_peer_tls name)
  esp_peer_objects(${name} backends/${name})
  add_library(esp_peer_tls_${name} OBJECT backends/tls/${name}.cpp)
  esp_peer_compile(esp_peer_tls_${name})
  # Where headers are found, and nothing else: object libraries are not linked.
  foreach(target esp_peer_${name} esp_peer_tls_${name})
    target_link_libraries(${target} PRIVATE ${ARGN})
  endforeach()
  set_property(GLOBAL PROPERTY ESP_PEER_TLS_LIBRARIES_${name} ${ARGN})
endfunction()

# esp_peer_srtp(name folder library...)
# backends/<folder>: SRTP over one library, for ESP_PEER_SRTP=<name>.
function(esp_peer_srtp name folder)
  esp_peer_objects(${folder} backends/${folder})
  target_link_libraries(esp_peer_${folder} PRIVATE ${ARGN}) # where headers are found
  set_property(GLOBAL PROPERTY ESP_PEER_SRTP_OBJECTS_${name} $<TARGET_OBJECTS:esp_peer_${folder}>)
  set_property(GLOBAL PROPERTY ESP_PEER_SRTP_LIBRARIES_${name} ${ARGN})
endfunction()

function(esp_peer_compile target)
  target_include_directories(${target} PRIVATE
    ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include
    ${PROJECT_BINARY_DIR}/include)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti>)
endfunction()

function(esp_peer_objects name folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cpp ${folder}/*.hpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  if(ARGC GREATER 2)
    list(FILTER sources EXCLUDE REGEX "${ARGV2}")
  endif()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(FILTER sources EXCLUDE REGEX "_portable\\.cpp$")
  else()
    list(FILTER sources EXCLUDE REGEX "_x86\\.cpp$")
  endif()

  set(target esp_peer_${name})
  add_library(${target} OBJECT ${sources})
  esp_peer_compile(${target})
  set_property(GLOBAL PROPERTY ESP_PEER_TESTS_OF_${name} "${tests}")
  set_property(GLOBAL APPEND PROPERTY ESP_PEER_MODULE_NAMES ${name})
endfunction()
