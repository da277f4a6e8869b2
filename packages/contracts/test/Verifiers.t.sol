// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Bounds} from "../sol/Bounds.sol";
import {Delegations} from "../sol/Delegations.sol";
import {IVault} from "../sol/IVault.sol";
import {IVerifiers} from "../sol/IVerifiers.sol";
import {Token} from "../sol/Token.sol";
import {Vault} from "../sol/Vault.sol";
import {Verifiers} from "../sol/Verifiers.sol";
import {vm} from "./Vm.sol";

/// This contract is Audits; the draw is an address.
abstract contract VerifiersStage {
    uint256 internal constant MINIMUM = 10 ether;
    uint256 internal constant DELAY = 100;
    address internal constant DRAW = address(0xd2a3);
    address internal constant TREASURY = address(0x7ea);

    Token internal token;
    Vault internal vault;
    Verifiers internal verifiers;

    function setUp() public virtual {
        token = new Token(address(this), 1_000_000 ether);
        Delegations delegations = new Delegations();
        address here = address(this);
        address later = vm.computeCreateAddress(here, vm.getNonce(here) + 1);
        vault = new Vault(IERC20(address(token)), address(0x91), later, address(0x93), 100);
        verifiers = new Verifiers(vault, delegations, here, DRAW, MINIMUM, DELAY);
        assert(address(verifiers) == later);
        token.approve(address(vault), type(uint256).max);
        vm.warp(1_000_000);
    }

    function person(uint256 i) internal pure returns (address) {
        return address(uint160(0x1000 + i));
    }

    function staked(address account, uint256 amount) internal {
        vault.deposit(account, amount);
        vm.prank(account);
        vault.stake(amount);
    }

    function enroll(address account, uint256 amount) internal {
        staked(account, amount);
        vm.prank(account);
        verifiers.enroll(amount);
    }

    function applied() internal {
        vm.warp(block.timestamp + DELAY);
        while (verifiers.applyChanges(16) != 0) {}
    }
}

contract VerifiersTest is VerifiersStage {
    function test_an_enrolled_weight_counts_after_the_delay() external {
        enroll(person(1), 30 ether);
        assert(verifiers.totalWeight() == 0 && verifiers.verifierCount() == 1);
        assert(vault.freeStake(person(1)) == 0);
        vm.warp(block.timestamp + DELAY - 1);
        assert(verifiers.applyChanges(16) == 0);
        vm.expectRevert(IVerifiers.NobodyToPick.selector);
        verifiers.pick(1);
        vm.warp(block.timestamp + 1);
        // Nobody picks from weights of yesterday.
        vm.expectRevert(abi.encodeWithSelector(IVerifiers.ChangesDue.selector, 0));
        verifiers.pick(1);
        assert(verifiers.applyChanges(16) == 1);
        assert(verifiers.weightOf(person(1)) == 30 ether && verifiers.pick(1) == person(1));
    }

    function test_a_change_does_not_bring_a_later_one_forward() external {
        enroll(person(1), 30 ether);
        vm.warp(block.timestamp + DELAY / 2);
        enroll(person(1), 5 ether);
        vm.warp(block.timestamp + DELAY / 2);
        verifiers.applyChanges(16);
        assert(verifiers.weightOf(person(1)) == 30 ether);
        applied();
        assert(verifiers.weightOf(person(1)) == 35 ether && verifiers.totalWeight() == 35 ether);
    }

    function test_who_leaves_is_gone_after_the_delay_and_its_last_duty() external {
        enroll(person(1), 30 ether);
        applied();
        verifiers.beginDuty(person(1));
        vm.prank(person(1));
        verifiers.leave();
        vm.expectRevert(abi.encodeWithSelector(IVerifiers.AlreadyLeaving.selector, person(1)));
        vm.prank(person(1));
        verifiers.leave();
        applied();
        assert(verifiers.totalWeight() == 0);
        assert(vault.freeStake(person(1)) == 0);
        verifiers.endDuty(person(1));
        assert(vault.freeStake(person(1)) == 30 ether && verifiers.verifierCount() == 0);
        // Its place is taken by the next one.
        enroll(person(2), 10 ether);
        assert(verifiers.enrolmentOf(person(2)).place == 1);
        vm.expectRevert(abi.encodeWithSelector(IVerifiers.NotEnrolled.selector, person(1)));
        vm.prank(person(1));
        verifiers.leave();
    }

    function test_who_leaves_before_its_weight_counted_goes_when_it_would_have() external {
        enroll(person(1), 30 ether);
        vm.prank(person(1));
        verifiers.leave();
        applied();
        assert(vault.freeStake(person(1)) == 30 ether && verifiers.totalWeight() == 0);
    }

    function test_a_slashed_verifier_stays_while_it_has_enough() external {
        enroll(person(1), 30 ether);
        applied();
        verifiers.beginDuty(person(1));
        assert(verifiers.slash(person(1), 15 ether, TREASURY) == 15 ether);
        assert(vault.getAccount(TREASURY).credit == 15 ether);
        applied();
        assert(verifiers.weightOf(person(1)) == 15 ether);
        vm.prank(DRAW);
        assert(verifiers.slash(person(1), 100 ether, TREASURY) == 15 ether);
        assert(verifiers.enrolmentOf(person(1)).leaving);
        applied();
        verifiers.endDuty(person(1));
        assert(verifiers.verifierCount() == 0 && vault.getAccount(person(1)).stake == 0);
    }

    function test_it_refuses_little_stake_many_changes_and_strangers() external {
        staked(person(1), 100 ether);
        vm.expectRevert(
            abi.encodeWithSelector(
                Bounds.WrongParameter.selector, bytes32("locked"), 9 ether, MINIMUM, type(uint96).max
            )
        );
        vm.prank(person(1));
        verifiers.enroll(9 ether);
        vm.startPrank(person(1));
        for (uint256 i = 0; i < 8; ++i) {
            verifiers.enroll(10 ether);
        }
        vm.expectRevert(abi.encodeWithSelector(IVerifiers.TooManyChanges.selector, person(1), 8, 8));
        verifiers.enroll(10 ether);
        vm.expectRevert(abi.encodeWithSelector(IVerifiers.NotOffice.selector, person(1)));
        verifiers.beginDuty(person(1));
        vm.expectRevert(abi.encodeWithSelector(IVerifiers.NotOffice.selector, person(1)));
        verifiers.endDuty(person(1));
        vm.expectRevert(abi.encodeWithSelector(IVerifiers.NotOffice.selector, person(1)));
        verifiers.slash(person(1), 1, TREASURY);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IVault.NotEnough.selector, bytes32("stake"), 10 ether, 0));
        vm.prank(person(2));
        verifiers.enroll(10 ether);
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_picks_are_distinct_and_never_the_excluded(bytes32 random, uint256 excluded_, uint256 count)
        external
    {
        uint256 people = 12;
        for (uint256 i = 0; i < people; ++i) {
            enroll(person(i), MINIMUM * (1 + i * i));
        }
        applied();
        count = 1 + count % 8;
        // Every third twice, strangers among them.
        address[] memory excluded = new address[](16);
        uint256 outside = 0;
        for (uint256 i = 0; i < excluded.length; ++i) {
            excluded[i] = excluded_ >> i & 1 == 1 ? person(i % people) : person(100 + i);
        }
        bool[12] memory isExcluded;
        for (uint256 i = 0; i < excluded.length; ++i) {
            if (excluded_ >> i & 1 == 1 && !isExcluded[i % people]) {
                isExcluded[i % people] = true;
                ++outside;
            }
        }
        address[] memory picked = verifiers.pickDistinct(random, count, excluded);
        uint256 left = people - outside;
        assert(picked.length == (count < left ? count : left));
        for (uint256 i = 0; i < picked.length; ++i) {
            uint256 number = uint160(picked[i]) - 0x1000;
            assert(number < people && !isExcluded[number]);
            isExcluded[number] = true; // and not again
        }
    }

    /// 1, 2 and 3 shares without the one of 2: then 1 in 4 and 3 in 4.
    function test_picks_go_by_weight_around_what_is_excluded() external {
        for (uint256 i = 1; i <= 3; ++i) {
            enroll(person(i), MINIMUM * i);
        }
        applied();
        address[] memory excluded = new address[](1);
        excluded[0] = person(2);
        uint256 first = 0;
        for (uint256 i = 0; i < 1_000; ++i) {
            address picked = verifiers.pickDistinct(keccak256(abi.encode(i)), 1, excluded)[0];
            assert(picked != person(2));
            if (picked == person(1)) ++first;
        }
        assert(first > 200 && first < 300);
        uint256 second = 0;
        for (uint256 i = 0; i < 1_000; ++i) {
            if (verifiers.pick(uint256(keccak256(abi.encode(i)))) == person(2)) ++second;
        }
        assert(second > 270 && second < 400);
    }
}

/// What verifiers and offices do, in any order.
contract VerifiersPeople is VerifiersStage {
    uint256 private constant PEOPLE = 6;
    mapping(uint256 => uint256) private duties;

    constructor() {
        setUp();
        for (uint256 i = 0; i < PEOPLE; ++i) {
            staked(person(i), 1_000 ether);
        }
    }

    function enrolls(uint256 who, uint256 amount) external {
        vm.prank(person(who % PEOPLE));
        try verifiers.enroll(amount % 100 ether) {} catch {}
    }

    function leaves(uint256 who) external {
        vm.prank(person(who % PEOPLE));
        try verifiers.leave() {} catch {}
    }

    function waits(uint256 time, uint256 most) external {
        vm.warp(block.timestamp + time % DELAY);
        verifiers.applyChanges(most % 4);
    }

    function begins(uint256 who) external {
        try verifiers.beginDuty(person(who % PEOPLE)) {
            ++duties[who % PEOPLE];
        } catch {}
    }

    function ends(uint256 who) external {
        if (duties[who % PEOPLE] == 0) return;
        --duties[who % PEOPLE];
        verifiers.endDuty(person(who % PEOPLE)); // an open duty can always be ended
    }

    function slashes(uint256 who, uint256 amount) external {
        if (duties[who % PEOPLE] != 0) verifiers.slash(person(who % PEOPLE), amount % 30 ether, TREASURY);
    }

    function check() external view {
        uint256 total = 0;
        uint256 enrolled = 0;
        for (uint256 i = 0; i < PEOPLE; ++i) {
            address account = person(i);
            IVerifiers.Enrolment memory enrolment = verifiers.enrolmentOf(account);
            assert(vault.lockedFor(address(verifiers), account, "verifier") == enrolment.locked);
            assert(enrolment.duties == duties[i]);
            if (enrolment.place == 0) assert(enrolment.locked == 0 && verifiers.weightOf(account) == 0);
            else ++enrolled;
            total += verifiers.weightOf(account);
        }
        assert(verifiers.totalWeight() == total && verifiers.verifierCount() == enrolled);
    }
}

contract VerifiersInvariants {
    VerifiersPeople private people;

    function setUp() external {
        people = new VerifiersPeople();
    }

    struct Selectors {
        address target;
        bytes4[] selectors;
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(people);
    }

    function targetSelectors() external view returns (Selectors[] memory targets) {
        bytes4[] memory selectors = new bytes4[](6);
        selectors[0] = VerifiersPeople.enrolls.selector;
        selectors[1] = VerifiersPeople.leaves.selector;
        selectors[2] = VerifiersPeople.waits.selector;
        selectors[3] = VerifiersPeople.begins.selector;
        selectors[4] = VerifiersPeople.ends.selector;
        selectors[5] = VerifiersPeople.slashes.selector;
        targets = new Selectors[](1);
        targets[0] = Selectors(address(people), selectors);
    }

    /// forge-config: default.invariant.runs = 24
    /// forge-config: default.invariant.depth = 128
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_weights_locks_and_duties_agree() external view {
        people.check();
    }
}
