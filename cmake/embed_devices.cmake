# Writes the configurations of SOURCE (a folder of NAME.yaml: name, protocol, port, note, and the text as a block) as the C
# table OUTPUT:
#   cmake -DSOURCE=data/devices -DOUTPUT=devices.c -P embed_devices.cmake
function(quote text out)
	string(REPLACE "\\" "\\\\" text "${text}")
	string(REPLACE "\"" "\\\"" text "${text}")
	string(REPLACE "\n" "\\n\"\n\t \"" text "${text}")
	set(${out} "\"${text}\"" PARENT_SCOPE)
endfunction()

file(GLOB files ${SOURCE}/*.yaml)
list(SORT files)
set(rows "")
foreach(path IN LISTS files)
	get_filename_component(id ${path} NAME_WE)
	file(READ ${path} whole)
	string(FIND "${whole}" "text: |\n" split)
	if(split LESS 0)
		message(FATAL_ERROR "${path}: there is no \"text: |\"")
	endif()
	string(SUBSTRING "${whole}" 0 ${split} head)
	math(EXPR split "${split} + 8")
	string(SUBSTRING "${whole}" ${split} -1 text)
	string(REPLACE "\n  " "\n" text "\n${text}")
	string(SUBSTRING "${text}" 1 -1 text)
	set(row "\t{\"${id}\"")
	foreach(key name protocol port note)
		set(value "")
		if("\n${head}" MATCHES "\n${key}: ([^\n]*)\n")
			set(value "${CMAKE_MATCH_1}")
		endif()
		quote("${value}" value)
		string(APPEND row ", ${value}")
	endforeach()
	quote("${text}" text)
	string(APPEND rows "${row},\n\t ${text}},\n")
endforeach()
file(WRITE ${OUTPUT} "/* Made from data/devices by cmake/embed_devices.cmake. */
#include \"web/devices.h\"

const struct weir_web_device weir_web_devices[] = {
${rows}\t{0},
};
")
