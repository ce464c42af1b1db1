# esp_peer_module(name folder dependency... [LIBS library...])
# One folder is one module: every *.cpp in it, but its *_test.cpp, which become the test program
# <name>_test when tests are built.
function(esp_peer_module name folder)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "LIBS")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cpp ${folder}/*.hpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  # x_x86.cpp is for 64-bit x86, x_portable.cpp for every other processor.
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
    list(FILTER sources EXCLUDE REGEX "_portable\\.cpp$")
  else()
    list(FILTER sources EXCLUDE REGEX "_x86\\.cpp$")
  endif()
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  set(target esp_peer_${name})
  add_library(${target} OBJECT ${sources})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_include_directories(${target} PUBLIC
    ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti>)
  target_link_libraries(${target} PUBLIC ${arg_LIBS})
  set_property(GLOBAL APPEND PROPERTY ESP_PEER_MODULES ${target})
  foreach(dependency IN LISTS arg_UNPARSED_ARGUMENTS)
    target_link_libraries(${target} PUBLIC esp_peer_${dependency})
    list(APPEND floors esp_peer_${dependency})
  endforeach()

  if(ESP_PEER_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${target} ${floors} GTest::gtest_main GTest::gmock)
    add_test(NAME ${name} COMMAND ${name}_test)
  endif()
endfunction()
