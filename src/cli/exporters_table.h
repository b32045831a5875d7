/* data/exporters.tsv, a line an exporter, put into the program while it is built. */
#ifndef WEIR_CLI_EXPORTERS_TABLE_H
#define WEIR_CLI_EXPORTERS_TABLE_H

extern const char weir_exporters_table[];

#endif
