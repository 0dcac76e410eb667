package millrace.peer.sql;

import static millrace.peer.digest.RowDigest.ROW_START;

import java.util.List;
import millrace.peer.digest.RowDigest;
import millrace.peer.digest.RowMixer;
import org.apache.flink.core.memory.MemorySegment;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.types.RowKind;

/** Mixes rows of the table API by the types of their fields. Decimals count as doubles, timestamps as milliseconds. */
final class RowDataMixer implements RowMixer<RowData> {
    private static final long serialVersionUID = 1;

    private static final long HIGH_BITS = 0x8080808080808080L;
    private static final int INTEGER = 0;
    private static final int STRING = 1;
    private static final int TIMESTAMP = 2;
    private static final int DOUBLE = 3;
    private static final int DECIMAL = 4;
    private static final int BOOLEAN = 5;
    private static final int TIME_PRECISION = 3;

    private final int[] kinds;
    private final int[] precisions;
    private final int[] scales;

    RowDataMixer(List<LogicalType> types) {
        kinds = types.stream().mapToInt(RowDataMixer::kindOf).toArray();
        precisions = new int[kinds.length];
        scales = new int[kinds.length];
        for (int i = 0; i < kinds.length; i++) {
            if (types.get(i) instanceof DecimalType decimal) {
                precisions[i] = decimal.getPrecision();
                scales[i] = decimal.getScale();
            }
        }
    }

    private static int kindOf(LogicalType type) {
        return switch (type.getTypeRoot()) {
            case BIGINT -> INTEGER;
            case CHAR, VARCHAR -> STRING;
            case TIMESTAMP_WITHOUT_TIME_ZONE -> TIMESTAMP;
            case DOUBLE -> DOUBLE;
            case DECIMAL -> DECIMAL;
            case BOOLEAN -> BOOLEAN;
            default -> throw new IllegalArgumentException("No digest is defined for the type " + type);
        };
    }

    @Override
    public int mix(RowData row) {
        if (row.getRowKind() == RowKind.UPDATE_BEFORE || row.getRowKind() == RowKind.DELETE) {
            throw new IllegalStateException("The sink asks for no rows that take something back: " + row.getRowKind());
        }
        int hash = ROW_START;
        for (int i = 0; i < kinds.length; i++) {
            hash = row.isNullAt(i) ? RowDigest.mixNull(hash) : mixField(hash, row, i);
        }
        return hash;
    }

    private int mixField(int hash, RowData row, int i) {
        switch (kinds[i]) {
            case INTEGER:
                return RowDigest.mixInteger(hash, row.getLong(i));
            case STRING:
                return mixString(hash, (BinaryStringData) row.getString(i));
            case TIMESTAMP:
                return RowDigest.mixInteger(hash, row.getTimestamp(i, TIME_PRECISION).getMillisecond());
            case DOUBLE:
                return RowDigest.mixDouble(hash, row.getDouble(i));
            case DECIMAL:
                return RowDigest.mixDouble(
                        hash, row.getDecimal(i, precisions[i], scales[i]).toBigDecimal().doubleValue());
            default:
                return RowDigest.mixBoolean(hash, row.getBoolean(i));
        }
    }

    /** Without decoding what is ASCII, as it is nearly always. */
    private static int mixString(int hash, BinaryStringData text) {
        text.ensureMaterialized();
        int length = text.getSizeInBytes();
        MemorySegment[] segments = text.getSegments();
        if (length == 0 || segments.length > 1 || !isAscii(segments[0], text.getOffset(), length)) {
            return RowDigest.mixString(hash, text.toString());
        }
        MemorySegment segment = segments[0];
        int from = text.getOffset();
        return RowDigest.mixString(
                hash, length, segment.get(from), segment.get(from + (length >>> 1)), segment.get(from + length - 1));
    }

    private static boolean isAscii(MemorySegment segment, int from, int length) {
        int at = from;
        int end = from + length;
        for (; at + Long.BYTES <= end; at += Long.BYTES) {
            if ((segment.getLong(at) & HIGH_BITS) != 0) {
                return false;
            }
        }
        for (; at < end; at++) {
            if (segment.get(at) < 0) {
                return false;
            }
        }
        return true;
    }
}
