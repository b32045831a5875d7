# Warnings, hardening and sanitizers for every target.
add_compile_options(
	-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
	-Werror=implicit-function-declaration -Werror=incompatible-pointer-types -Werror=int-conversion)
add_compile_definitions(_GNU_SOURCE WEIR_VERSION="${PROJECT_VERSION}")
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
	# gcc 12 warns of conversions in compound assignments to small types, where clang sees none; the code is
	# held to -Wconversion all the same.
	add_compile_options(-fstack-clash-protection)
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
	add_compile_options(-fstack-clash-protection)
endif()
add_compile_options(-fstack-protector-strong)
add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

if(WEIR_SANITIZE)
	add_compile_options(-fsanitize=${WEIR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
	add_link_options(-fsanitize=${WEIR_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
	add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
if(WEIR_COVERAGE)
	add_compile_options(--coverage)
	add_link_options(--coverage)
endif()
