# SPDX-License-Identifier: MIT
# How everything here is compiled: build type, warnings, hardening, sanitizers.
include(CheckCompilerFlag)
include(CheckIncludeFileCXX)

if(PROJECT_IS_TOP_LEVEL)
    get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
    if(NOT CMAKE_BUILD_TYPE AND NOT multi_config)
        set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
    endif()
    # Assertions stay on and every build can be debugged; what the user set himself stays.
    foreach(language C CXX)
        if(CMAKE_${language}_FLAGS_RELEASE STREQUAL "-O3 -DNDEBUG")
            set(CMAKE_${language}_FLAGS_RELEASE "-O2 -g")
        endif()
        if(CMAKE_${language}_FLAGS_RELWITHDEBINFO STREQUAL "-O2 -g -DNDEBUG")
            set(CMAKE_${language}_FLAGS_RELWITHDEBINFO "-O2 -g")
        endif()
    endforeach()
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

# Tells whether both compilers take the flag, and appends it to the list if so.
function(zio_try_flag list flag)
    string(MAKE_C_IDENTIFIER "ZIO_HAS${flag}" variable)
    set(CMAKE_REQUIRED_FLAGS -Werror)
    set(CMAKE_REQUIRED_QUIET ON)
    check_compiler_flag(CXX "${flag}" ${variable})
    if(${variable})
        set(${list} ${${list}} "${flag}" PARENT_SCOPE)
    endif()
endfunction()

set(werror OFF)
if(ZIO_WERROR AND PROJECT_IS_TOP_LEVEL)
    set(werror ON)
endif()

# Warnings, for the library, the tests and the examples alike.
add_library(zio_flags INTERFACE)
target_compile_options(zio_flags INTERFACE
    -Wall -Wextra $<$<BOOL:${werror}>:-Werror>
    # ZIO_NOINLINE says `nothrow` where a function is declared; clang wants it repeated.
    $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-missing-exception-spec>
    # Files are named from the root, so that builds in different folders give the same bytes and a
    # debugger started at the root finds them.
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -ffile-prefix-map=${PROJECT_BINARY_DIR}=.)

# For the library itself. Exceptions stay on: bad_alloc is caught at the C wall.
set(hardening "")
foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection=branch
             -fno-semantic-interposition -fno-plt -fno-gnu-unique)
    zio_try_flag(hardening ${flag})
endforeach()
add_library(zio_hardening INTERFACE)
target_compile_options(zio_hardening INTERFACE
    -fvisibility=hidden ${hardening}
    $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden -fno-rtti>)

# Probes for tracers (core/os/probe.hpp), in the tests of the core as in the library.
set(ZIO_PROBES AUTO CACHE STRING "Probes for tracers: AUTO (where <sys/sdt.h> is), ON, OFF")
set_property(CACHE ZIO_PROBES PROPERTY STRINGS AUTO ON OFF)
if(NOT ZIO_PROBES)
    add_compile_definitions(ZIO_WITHOUT_PROBES)
else()
    check_include_file_cxx(sys/sdt.h ZIO_HAS_SDT)
    set(without "zio: <sys/sdt.h> not found (Debian: systemtap-sdt-dev)")
    if(NOT ZIO_HAS_SDT AND NOT ZIO_PROBES STREQUAL "AUTO")
        message(FATAL_ERROR "${without}: ZIO_PROBES=ON needs it")
    elseif(NOT ZIO_HAS_SDT)
        message(NOTICE "${without}: no probes for tracers")
    endif()
endif()

# Everything in the build can fail, or nothing.
if(ZIO_FAULTS)
    add_compile_definitions(ZIO_FAULTS)
endif()

# The words that threads share tell an engine of each use (docs/check-build.md).
if(ZIO_CHECK)
    add_compile_definitions(ZIO_CHECK)
endif()

# Everything in the build is instrumented, or nothing.
if(ZIO_SANITIZE)
    list(JOIN ZIO_SANITIZE "," sanitizers)
    add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${sanitizers})
endif()

# What the fuzzer looks at to find new ways. It would take a task's stack for a deep one of the thread.
if(ZIO_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link -fno-sanitize-coverage=stack-depth)
endif()

# Folders that exist and have a list of sources; the tree grows one folder at a time.
macro(zio_add_folders)
    foreach(folder ${ARGN})
        if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt)
            add_subdirectory(${folder})
        endif()
    endforeach()
endmacro()
