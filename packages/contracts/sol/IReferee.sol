// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What both parties agree on when an item of a step is in dispute.
struct Agreed {
    bytes32 vector; // root of the claimant's step vector: the items before the disputed one are agreed
    bytes32 previous; // the item before the step: parent(state root, outputs root)
    bytes32 inputs; // root of the task's inputs
    bytes32 own; // of a scan: the disputed item itself, whose leaves before `leaf` are agreed; else zero
    uint32 leaf; // the leaf of the disputed element
    uint16 item; // the disputed item's number
    uint16 items; // how many items a step has
    uint16 states; // how many state tensors
    uint16 inputCount; // how many inputs
}

/// @notice One leaf of a tensor with the proof that it is agreed on. See docs/dispute-moves.md, "Paths".
struct Opening {
    uint8 from; // 0 node, 1 state, 2 input
    uint16 index; // which node, state tensor or input
    uint32 leaf;
    bytes header; // dtype u8, dims
    bytes data;
    bytes32[] path;
}

/// @notice What a join hashes, with the proof that it is agreed on; both empty where the join says zero.
struct JoinOpening {
    bytes32 digest;
    bytes32[] path;
}

/// @notice What a dispute has to know about an item.
struct ItemFacts {
    uint8 kind; // 0 map, 1 blocked, 2 chain, 3 scan, 4 join
    uint8 dtype;
    uint8 rank; // of the output; the tensor's header is the 2 + 4 * rank bytes after the kind
    uint32 elements; // of the output
    uint32 points; // of the box; 1 for a map
}

/// @title The referee, as others see it
interface IReferee {
    /// The program itself is at fault: nobody's lie.
    error InvalidProgram();
    /// The opening's header or the length of its data or path is not that of any such leaf.
    error OpeningMalformed(uint256 opening);
    /// The opening's path does not end at what is agreed on.
    error OpeningUnproven(uint256 opening);
    /// A leaf that is read was not opened.
    error OpeningMissing(uint256 from, uint256 index, uint256 leaf);
    /// The opened tensor has another dtype or another number of elements than the read says.
    error OpeningMismatch(uint256 from, uint256 index);
    /// There is no such element, step or combination in this item.
    error NoSuchPlace();

    /// @notice Parses a whole item and says what a dispute has to know about it.
    function describe(bytes calldata item) external pure returns (ItemFacts memory facts);

    /// @notice The stored bits of an element of a map, of a scan, or of a fold of at most one step.
    /// @param position The element's row-major position.
    /// @param own The agreed part of the disputed item's leaf in which the element lies: a scan goes on from the element
    /// before it, which lies there unless the element is the leaf's first.
    function judgeElement(
        Agreed calldata agreed,
        bytes calldata item,
        uint256 position,
        bytes calldata own,
        Opening[] calldata openings
    ) external view returns (uint256 bits);

    /// @notice The accumulator of a fold (no scan) after step k of the element at `position`.
    /// @param accumulator The agreed accumulator before it; not looked at where the fold, or a block of it, begins.
    function judgeStep(
        Agreed calldata agreed,
        bytes calldata item,
        uint256 position,
        uint256 k,
        uint256 accumulator,
        Opening[] calldata openings
    ) external view returns (uint256 word);

    /// @notice The accumulator of a blocked fold's combination after `result`.
    /// @param first Whether the combination begins with it; then the accumulator is the node's init.
    function judgeCombine(bytes calldata item, bool first, uint256 accumulator, uint256 result)
        external
        pure
        returns (uint256 word);

    /// @notice The digest of a join.
    function judgeJoin(
        Agreed calldata agreed,
        bytes calldata item,
        JoinOpening calldata left,
        JoinOpening calldata right
    ) external view returns (bytes32);
}
