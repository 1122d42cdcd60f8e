;; The kernel of the vector scan. Compiled into dot.wasm by `bin/node tools/wasm.ts`.
(module
  (memory (export "memory") 1)

  ;; out[i] = query · vector i, for `count` vectors of `dim` int8 (a multiple of 16) one after another.
  ;; The query is int16 of length (2-norm) 2^15 at most, so that no sum exceeds 127 · √dim · 2^15 < 2^31.
  (func $dot (export "dot") (param $query i32) (param $vectors i32) (param $out i32) (param $count i32) (param $dim i32)
    (local $end i32) (local $q i32) (local $row i32) (local $sum v128) (local $x v128)
    (local.set $end (i32.add (local.get $out) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $each
        (br_if $done (i32.ge_u (local.get $out) (local.get $end)))
        (local.set $sum (v128.const i32x4 0 0 0 0))
        (local.set $q (local.get $query))
        (local.set $row (i32.add (local.get $vectors) (local.get $dim)))
        (loop $sixteen
          (local.set $x (v128.load (local.get $vectors)))
          (local.set $sum
            (i32x4.add (local.get $sum)
              (i32x4.add
                (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $x)) (v128.load (local.get $q)))
                (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $x)) (v128.load offset=16 (local.get $q))))))
          (local.set $q (i32.add (local.get $q) (i32.const 32)))
          (local.set $vectors (i32.add (local.get $vectors) (i32.const 16)))
          (br_if $sixteen (i32.lt_u (local.get $vectors) (local.get $row))))
        (i32.store (local.get $out) (call $across (local.get $sum)))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (br $each))))

  ;; The same for the vectors that `docs` numbers only: out[doc] = query · vector doc.
  (func (export "dotEach")
    (param $query i32) (param $vectors i32) (param $out i32) (param $docs i32) (param $count i32) (param $dim i32)
    (local $end i32) (local $doc i32)
    (local.set $end (i32.add (local.get $docs) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $each
        (br_if $done (i32.ge_u (local.get $docs) (local.get $end)))
        (local.set $doc (i32.load (local.get $docs)))
        (call $dot
          (local.get $query)
          (i32.add (local.get $vectors) (i32.mul (local.get $doc) (local.get $dim)))
          (i32.add (local.get $out) (i32.shl (local.get $doc) (i32.const 2)))
          (i32.const 1)
          (local.get $dim))
        (local.set $docs (i32.add (local.get $docs) (i32.const 4)))
        (br $each))))

  ;; bits[i] = the signs of number i, for `count` int8 (a multiple of 16), 1 for those below zero.
  (func (export "signs") (param $numbers i32) (param $bits i32) (param $count i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $numbers) (local.get $count)))
    (block $done
      (loop $sixteen
        (br_if $done (i32.ge_u (local.get $numbers) (local.get $end)))
        (i32.store16 (local.get $bits) (i8x16.bitmask (v128.load (local.get $numbers))))
        (local.set $numbers (i32.add (local.get $numbers) (i32.const 16)))
        (local.set $bits (i32.add (local.get $bits) (i32.const 2)))
        (br $sixteen))))

  ;; out[i] = how many bits of row i differ from the query's, for `count` rows of `bytes` (a multiple of 16, at most
  ;; 16 · 31, so that no count of a lane exceeds a byte).
  (func (export "differences")
    (param $query i32) (param $rows i32) (param $out i32) (param $count i32) (param $bytes i32)
    (local $end i32) (local $q i32) (local $row i32) (local $sum v128)
    (local.set $end (i32.add (local.get $out) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $each
        (br_if $done (i32.ge_u (local.get $out) (local.get $end)))
        (local.set $sum (v128.const i32x4 0 0 0 0))
        (local.set $q (local.get $query))
        (local.set $row (i32.add (local.get $rows) (local.get $bytes)))
        (loop $sixteen
          (local.set $sum
            (i8x16.add (local.get $sum)
              (i8x16.popcnt (v128.xor (v128.load (local.get $rows)) (v128.load (local.get $q))))))
          (local.set $q (i32.add (local.get $q) (i32.const 16)))
          (local.set $rows (i32.add (local.get $rows) (i32.const 16)))
          (br_if $sixteen (i32.lt_u (local.get $rows) (local.get $row))))
        (i32.store (local.get $out)
          (call $across (i32x4.extadd_pairwise_i16x8_u (i16x8.extadd_pairwise_i8x16_u (local.get $sum)))))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (br $each))))

  (func $across (param $sum v128) (result i32)
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $sum)) (i32x4.extract_lane 1 (local.get $sum)))
      (i32.add (i32x4.extract_lane 2 (local.get $sum)) (i32x4.extract_lane 3 (local.get $sum))))))
