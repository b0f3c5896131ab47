# SPDX-License-Identifier: Apache-2.0
# CMake toolchain: Debian's cross compiler against the arm64 libraries below CM_SYSROOT, programs run by qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CM_SYSROOT "" CACHE PATH "root folder with Debian's arm64 packages")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CM_SYSROOT)
if(NOT IS_DIRECTORY "${CM_SYSROOT}/usr/lib/aarch64-linux-gnu")
    message(FATAL_ERROR "CM_SYSROOT='${CM_SYSROOT}' is no root folder with arm64 libraries; ci/aarch64.sh makes one")
endif()

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_SYSROOT ${CM_SYSROOT})
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH ${CM_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# OpenBLAS and LAPACK lie in a folder of their own, which Debian's alternatives would link to.
set(multiarch ${CM_SYSROOT}/usr/lib/aarch64-linux-gnu)
set(blas ${multiarch}/openblas-openmp)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CM_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${multiarch}/pkgconfig:${CM_SYSROOT}/usr/share/pkgconfig:${blas}/pkgconfig)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,${blas}")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-Wl,-rpath-link,${blas}")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${CM_SYSROOT}
    -E LD_LIBRARY_PATH=/usr/lib/aarch64-linux-gnu/openblas-openmp)
