# weir_module(NAME SOURCES … [DEPENDS module …] [LIBRARIES lib …] [TESTS stem …] [TEST_LIBRARIES lib …])
#   the static library weir_NAME from sources of this folder. DEPENDS are modules of ours, LIBRARIES others'.
#   Every *_test.c beside the sources becomes the cmocka program NAME_STEM_test, run by ctest; TESTS names them (without
#   .c) where a folder has several modules.
# weir_embed_text(VARIABLE FILE NAME HEADER)
#   FILE of the project as the C string NAME, declared in HEADER; the source's path goes into VARIABLE.
# weir_embed_folder(VARIABLE FOLDER SUFFIX NAME HEADER)
#   each FOLDER/*.SUFFIX as a row of the table NAME of struct weir_embedded_text (base/embedded.h), likewise.
# weir_fuzz(NAME DEPENDS module …)
#   the fuzz target fuzz/NAME_fuzz.c, declared by the module that it aims at; its seeds and past crashers under
#   fuzz/corpus/NAME run as a test.

find_package(PkgConfig REQUIRED)
enable_testing()

function(weir_module name)
	cmake_parse_arguments(M "" "" "SOURCES;DEPENDS;LIBRARIES;TESTS;TEST_LIBRARIES" ${ARGN})
	add_library(weir_${name} STATIC ${M_SOURCES})
	target_include_directories(weir_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
	foreach(dep ${M_DEPENDS})
		target_link_libraries(weir_${name} PUBLIC weir_${dep})
	endforeach()
	target_link_libraries(weir_${name} PUBLIC ${M_LIBRARIES})
	if(NOT WEIR_TESTS)
		return()
	endif()
	pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
	if(M_TESTS)
		list(TRANSFORM M_TESTS REPLACE "(.+)" "${CMAKE_CURRENT_SOURCE_DIR}/\\1.c" OUTPUT_VARIABLE tests)
	else()
		file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.c)
	endif()
	foreach(test ${tests})
		get_filename_component(stem ${test} NAME_WE)
		add_executable(${name}_${stem} ${test})
		target_link_libraries(${name}_${stem} PRIVATE weir_${name} PkgConfig::CMOCKA ${M_TEST_LIBRARIES})
		target_compile_definitions(${name}_${stem} PRIVATE WEIR_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
		add_test(NAME ${name}_${stem} COMMAND ${name}_${stem})
		set_tests_properties(${name}_${stem} PROPERTIES TIMEOUT 120 LABELS unit)
	endforeach()
endfunction()

function(weir_fuzz name)
	cmake_parse_arguments(F "" "" "DEPENDS" ${ARGN})
	if(NOT WEIR_TESTS)
		return()
	endif()
	add_executable(${name}_fuzz ${PROJECT_SOURCE_DIR}/fuzz/${name}_fuzz.c)
	foreach(dep ${F_DEPENDS})
		target_link_libraries(${name}_fuzz PRIVATE weir_${dep})
	endforeach()
	if(WEIR_LIBFUZZER)
		target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
	else()
		target_sources(${name}_fuzz PRIVATE ${PROJECT_SOURCE_DIR}/fuzz/replay.c)
		add_test(NAME fuzz_${name} COMMAND ${name}_fuzz ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
		set_tests_properties(fuzz_${name} PROPERTIES TIMEOUT 120 LABELS fuzz)
	endif()
endfunction()

function(weir_embed_text variable file name header)
	set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
	set(script ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake)
	add_custom_command(OUTPUT ${output}
		COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR}/${file} -DNAME=${name} -DHEADER=${header} -DOUTPUT=${output} -P ${script}
		DEPENDS ${PROJECT_SOURCE_DIR}/${file} ${script} COMMENT "${file} as a C string" VERBATIM)
	set(${variable} ${output} PARENT_SCOPE)
endfunction()

function(weir_embed_folder variable folder suffix name header)
	set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
	set(script ${PROJECT_SOURCE_DIR}/cmake/embed_folder.cmake)
	file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.${suffix})
	add_custom_command(OUTPUT ${output}
		COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR}/${folder} -DSUFFIX=${suffix} -DNAME=${name} -DHEADER=${header}
			-DOUTPUT=${output} -P ${script}
		DEPENDS ${files} ${script} COMMENT "${folder} as a C table" VERBATIM)
	set(${variable} ${output} PARENT_SCOPE)
endfunction()
