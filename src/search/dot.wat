;; The kernel of the vector scan. Compiled into dot.wasm by `bin/node test/search/compile.ts`.
(module
  (memory (export "memory") 1)

  ;; out[i] = query · vector i, for `count` vectors of `dim` int8 (a multiple of 16) one after another.
  ;; The query is int16 of length (2-norm) 2^15 at most, so that no sum exceeds 127 · √dim · 2^15 < 2^31.
  (func (export "dot") (param $query i32) (param $vectors i32) (param $out i32) (param $count i32) (param $dim i32)
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

  (func $across (param $sum v128) (result i32)
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $sum)) (i32x4.extract_lane 1 (local.get $sum)))
      (i32.add (i32x4.extract_lane 2 (local.get $sum)) (i32x4.extract_lane 3 (local.get $sum))))))
